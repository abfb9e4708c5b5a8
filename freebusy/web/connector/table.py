"""All endpoints, in the order in which their examples can be run."""

from __future__ import annotations

from freebusy.connector import bodies
from freebusy.web.connector import access, examples, folders, items, queries, syncing, times
from freebusy.web.connector.endpoint import Endpoint, Success

_E = examples

GROUPS = {
    "Mail server": "Whether it can be reached, and how.",
    "Folders": "The calendar folders that the person sees, own and shared, and when each is"
    " synced. A folder's `id` is its mailbox name in base64url; it changes with the name.",
    "Sync": "What happened at the client. Once a job is done the person's free/busy file is the"
    " new one.",
    "Items": "What is in a folder, both ways. An item is one message; a changed item comes back"
    " under a new `href`, and the old one is in `gone`.",
    "Sharing": "Who may do what in a folder (RFC 4314). `everyone`, in five languages, is the"
    " user `anyone`; where somebody is called like the word, it is that person.",
    "Free/busy": "Published on the person's behalf, and looked up for many people at once, also"
    " on other servers.",
}

_FOLDER_BODY = "The folder as it is now."
_NO_NAME = {404: "Nobody has that name."}

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        method="GET",
        path="/ping",
        group="Mail server",
        summary="Reach the mail server and log in",
        description="Goes to the configured mail server, never to one that the caller names, and"
        " logs in. Where that fails `step` says at what: `name`, `connection`, `tls` or `login`.",
        work=syncing.ping,
        successes=(Success(200, bodies.Ping, "The mail server as the login found it."),),
        problems={404: "The person has left."},
        example=_E.PING,
    ),
    Endpoint(
        method="GET",
        path="/folders",
        group="Folders",
        summary="List calendar folders",
        description="Own folders come first. Equal `state` means that there is nothing to sync.",
        work=folders.list_folders,
        successes=(Success(200, bodies.Folders, "All folders that the person sees."),),
        example=_E.LIST,
    ),
    Endpoint(
        method="POST",
        path="/folders",
        group="Folders",
        summary="Make a folder",
        description="Without a parent it lies where the mail server wants personal folders.",
        work=folders.create_folder,
        body=bodies.NewFolder,
        successes=(Success(201, bodies.Folder, "The folder that was made.", has_location=True),),
        problems={
            409: "A folder of that name is there already.",
            422: "No name for a folder, no place for one, or the body is not as described.",
        },
        example=_E.CREATE,
    ),
    Endpoint(
        method="GET",
        path="/folders/{id}",
        group="Folders",
        summary="Look at one folder",
        description="The same as in the list.",
        work=folders.get_folder,
        successes=(Success(200, bodies.Folder, _FOLDER_BODY),),
        example=_E.GET,
    ),
    Endpoint(
        method="PATCH",
        path="/folders/{id}",
        group="Folders",
        summary="Rename or move a folder, or choose when it is synced",
        description="What is left out stays. With a new name or place the folder has a new `id`,"
        " and what was chosen for it and for those below it goes along. `parent` is another"
        " folder's id, or `\"\"` for the top of one's own. `mode` is a mode, or `inherited`;"
        " `hands_down` says whether the folders below inherit it.",
        work=folders.change_folder,
        body=bodies.FolderChange,
        successes=(Success(200, bodies.Folder, _FOLDER_BODY),),
        problems={
            409: "A folder of that name is there already.",
            422: "No name for a folder, no place for one, or the body is not as described.",
        },
        example=_E.CHANGE,
    ),
    Endpoint(
        method="GET",
        path="/settings",
        group="Folders",
        summary="Look at what holds for all folders",
        description="`default_mode` is the mode of folders that have none and inherit none.",
        work=folders.get_settings,
        successes=(Success(200, bodies.Settings, "The settings as they are now."),),
        asks_mail=False,
        example=_E.SETTINGS,
    ),
    Endpoint(
        method="PATCH",
        path="/settings",
        group="Folders",
        summary="Choose what holds for all folders",
        description="`null` goes back to what the site has chosen.",
        work=folders.change_settings,
        body=bodies.SettingsChange,
        successes=(Success(200, bodies.Settings, "The settings as they are now."),),
        asks_mail=False,
        example=_E.CHANGE_SETTINGS,
    ),
    Endpoint(
        method="POST",
        path="/sync",
        group="Sync",
        summary="Tell that a folder was selected, or that the client starts or stops",
        description="`select` means the selected folder, if its mode is `on_select`; `manual` the"
        " given folder, or all; `start` and `exit` those with `on_start_and_exit`, with a folder"
        " only it and those below. The job's `folders` are those to exchange changes of.",
        work=syncing.start_sync,
        body=bodies.Sync,
        successes=(Success(202, bodies.Job, "The job that has begun.", has_location=True),),
        example=_E.SYNC,
    ),
    Endpoint(
        method="GET",
        path="/sync/{job}",
        group="Sync",
        summary="Ask how far a job is",
        description="Once it is `done` the free/busy file is the new one.",
        work=syncing.get_job,
        successes=(Success(200, bodies.Job, "The job as it is now."),),
        problems={404: "There is no such job, or it is long done."},
        asks_mail=False,
        example=_E.JOB_STATE,
    ),
    Endpoint(
        method="POST",
        path="/folders/{id}/changes",
        group="Items",
        summary="Change items",
        description="Each change gets a result. `replaces` holds every href under which you know"
        " the UID; if the item is not as you know it by now, nothing is done and both versions"
        " come back as a `conflict`. `change` is a name of your own: sent again after an"
        " interruption, a put that was done is not done twice. `losses` names what the folder's"
        " dialect cannot hold.",
        work=items.write_changes,
        body=bodies.ChangeList,
        successes=(Success(200, bodies.Results, "One result for each change, in their order."),),
        example=_E.WRITE,
    ),
    Endpoint(
        method="GET",
        path="/folders/{id}/changes",
        group="Items",
        summary="Read what changed in a folder",
        description="`since` is the `token` of the last answer. While `more` is true ask again at"
        " once. Where `is_fresh` is true the pages tell the whole folder: what none of them holds"
        " is gone. `folder` is there where the rights changed, and `acl_changed` says that others'"
        " did.",
        work=items.read_changes,
        query=queries.ChangesQuery,
        successes=(Success(200, bodies.Changes, "One page of what changed."),),
        example=_E.READ,
    ),
    Endpoint(
        method="PUT",
        path="/folders/{id}/acl/{user}",
        group="Sharing",
        summary="Share a folder with somebody",
        description="By letters (`lrswipkxtea`; `c` and `d` stand for `kx` and `te`) or by role:"
        " administrator `lriwspcda`, power user `lriwspcd`, user `lriwsp`, guest `lrs`. The answer"
        " has the rights that are in force afterwards; where the server keeps others it is 409.",
        work=access.grant,
        body=bodies.Grant,
        successes=(Success(200, bodies.Entry, "The rights that are in force now."),),
        problems={
            409: "`rights` are in force instead of those asked for, or `force` is needed.",
            422: "Unknown letters, both letters and a role, or the body is not as described.",
        },
        example=_E.GRANT,
    ),
    Endpoint(
        method="GET",
        path="/folders/{id}/acl",
        group="Sharing",
        summary="List who may do what in a folder",
        description="For whoever may administer the folder.",
        work=access.read_acl,
        successes=(Success(200, bodies.Acl, "The access control list."),),
        example=_E.ACL,
    ),
    Endpoint(
        method="GET",
        path="/folders/{id}/acl/{user}",
        group="Sharing",
        summary="Look at one user's rights",
        description="Who is not in the list has none by it.",
        work=access.read_entry,
        successes=(Success(200, bodies.Entry, "The rights by the list."),),
        problems={422: "That is no name of a user."},
        example=_E.ENTRY,
    ),
    Endpoint(
        method="DELETE",
        path="/folders/{id}/acl/{user}",
        group="Sharing",
        summary="Take somebody out of the list",
        description="The folder disappears from that person's list by itself.",
        work=access.revoke,
        query=queries.RevokeQuery,
        successes=(Success(200, bodies.Entry, "The rights that are in force now."),),
        problems={
            409: "`rights` are in force still, or `force` is needed.",
            422: "That is no name of a user, or the query is not as described.",
        },
        example=_E.REVOKE,
    ),
    Endpoint(
        method="PUT",
        path="/freebusy/{name}",
        group="Free/busy",
        summary="Publish free/busy",
        description="As `text/calendar` with a VFREEBUSY, or as JSON periods: what no period"
        " covers between `start` and `end` is free.",
        work=times.publish,
        body=bodies.FreeBusyUpload,
        also="text/calendar",
        successes=(
            Success(201, bodies.PublishedBody, "It is served, and there was nothing before."),
            Success(200, bodies.PublishedBody, "It is served instead of what was there."),
            Success(202, bodies.PublishedBody, "It is served once the calendars have been read."),
        ),
        problems=_NO_NAME | {422: "No free/busy file, or the body is not as described."},
        asks_mail=False,
        example=_E.PUBLISH,
    ),
    Endpoint(
        method="GET",
        path="/freebusy/{name}",
        group="Free/busy",
        summary="Look one person up",
        description="Nobody, and nobody that you may know of, are both `unknown`.",
        question=times.look_up_one,
        query=queries.PersonQuery,
        successes=(Success(200, bodies.Person, "What is known."),),
        problems=_NO_NAME,
        asks_mail=False,
        example=_E.PERSON,
    ),
    Endpoint(
        method="GET",
        path="/freebusy",
        group="Free/busy",
        summary="Look many people up",
        description="`names` may come several times, and each may hold several with commas.",
        question=times.look_up,
        query=queries.LookUpQuery,
        successes=(Success(200, bodies.People, "One entry for each name, in their order."),),
        asks_mail=False,
        example=_E.PEOPLE,
    ),
    Endpoint(
        method="POST",
        path="/freebusy",
        group="Free/busy",
        summary="Look many people up, with a long list",
        description="The same, with the names in the body.",
        question=times.look_up_many,
        body=bodies.Query,
        successes=(Success(200, bodies.People, "One entry for each name, in their order."),),
        asks_mail=False,
        example=_E.QUERY,
    ),
    Endpoint(
        method="DELETE",
        path="/freebusy/{name}",
        group="Free/busy",
        summary="Take back what was published",
        description="What is computed from calendars stays.",
        work=times.unpublish,
        successes=(Success(204, None, "It is no longer counted."),),
        problems={404: "Nothing was published under that name."},
        asks_mail=False,
        example=_E.UNPUBLISH,
    ),
    Endpoint(
        method="DELETE",
        path="/folders/{id}",
        group="Folders",
        summary="Delete a folder",
        description="One that holds items is deleted only with `even_if_filled=true`.",
        work=folders.delete_folder,
        query=queries.DeleteQuery,
        successes=(Success(204, None, "It is gone."),),
        problems={409: "The folder holds items."},
        example=_E.DELETE,
    ),
)
