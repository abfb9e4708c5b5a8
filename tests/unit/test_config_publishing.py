"""Who may log in, read and publish, as the configuration says it; certificates; their warnings."""

from __future__ import annotations

import os
import subprocess
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from freebusy.config import Config, Endpoint, load
from freebusy.errors import ConfigurationError
from tests.servers.certificate import Certificate, make_certificate

if TYPE_CHECKING:
    from pathlib import Path

HASH = "$scrypt$ln=14,r=8,p=1$DRa6rqjvglJ2kEUBVDtJMw$LWikEuoyPl6kBx6IQr5umHbND0A8k/yGFyI8m0z/vZ0"
IMAP = '[sources.{0}]\ntype = "imap"\nhost = "imap.example.com"\n'
MAIL = IMAP.format("mail") + 'username = "freebusy"\npassword_file = "pw"\n'
SHARED_LOCAL = 'persons = ["hans@a.example", "hans@b.example"]\n'
TLS = '[tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n'


def configured(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "freebusy.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {"TZ": "Europe/Berlin"} | environ)


def problems(folder: Path, text: str, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        configured(folder, text, **environ)
    return raised.value.problems


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def folder(tmp_path: Path, certificate: Certificate) -> Path:
    for name, text in {
        "pw": b"geheim\n",
        "msg.conf": b'# the mail server\nFREEBUSYPWD="geheim"\n',
        "cert.pem": certificate.cert.read_bytes(),
        "key.pem": certificate.key.read_bytes(),
    }.items():
        (tmp_path / name).write_bytes(text)
        (tmp_path / name).chmod(0o600)
    return tmp_path


# -- the shared account


@pytest.mark.parametrize(
    ("text", "password", "hashed"),
    [
        ("", None, None),
        ('password_file = "pw"', "geheim", None),
        ('password_env = "PW"', "aus der Umgebung", None),
        (f'password_hash = "{HASH}"', None, HASH),
        ('msg_conf = "msg.conf"', "geheim", None),
        ('msg_conf = "*.conf"', "geheim", None),
    ],
)
def test_the_shared_password_comes_one_of_four_ways(
    folder: Path, text: str, password: str | None, hashed: str | None
) -> None:
    """A file, the environment, a hash or msg.conf; with none there is no shared account."""
    config = configured(folder, f"[publish]\n{text}\n", PW="aus der Umgebung")
    publish = config.publish
    assert (password, hashed, bool(text)) == (
        publish.password, publish.password_hash, publish.has_shared_account
    )  # fmt: skip
    assert [False, False] == ["geheim" in repr(config), HASH in repr(config)]


def test_one_way_is_enough(folder: Path) -> None:
    """Of two passwords nobody would know which one counts."""
    text = f'[publish]\npassword_hash = "{HASH}"\nmsg_conf = "msg.conf"\n'
    told = "one of password_file, password_env, password_hash and msg_conf, not several"
    assert (f"publish: expected {told}",) == problems(folder, text)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        ("FREEBUSYPWD=geheim", "geheim"),
        ("FREEBUSYPWD=geheim\r\nOTHER=x\r\n", "geheim"),
        ("A=1\n  export FREEBUSYPWD = 'ge heim'  # as told\n", "ge heim"),
        ('FREEBUSYPWD="ge#h\'eim"\n', "ge#h'eim"),
        ("FREEBUSYPWD=ge#heim\n", "ge#heim"),
        ("FREEBUSYPWD=ge heim # as told\n", "ge heim"),
        ("FREEBUSYPWD=alt\nFREEBUSYPWD=neu\n", "neu"),
        ("#FREEBUSYPWD=alt\nNOFREEBUSYPWD=x\nFREEBUSYPWD=neu\n#FREEBUSYPWD=x\n", "neu"),
        ("# f\xfcr alle\nFREEBUSYPWD=geheim\n", "geheim"),
    ],
)
def test_msg_conf_holds_a_line_with_the_password(folder: Path, content: str, password: str) -> None:
    """Quotes and comments are no part of it, whatever the file's encoding; the last line counts."""
    (folder / "msg.conf").write_bytes(content.encode("latin-1"))
    assert password == configured(folder, '[publish]\nmsg_conf = "msg.conf"').publish.password


@pytest.mark.parametrize(
    "content",
    [
        b"", b"FREEBUSYPWD=\n", b"FREEBUSYPWD=''", b'FREEBUSYPWD="geheim\n', b"FREEBUSYPWD=\xfc",
        b"FREEBUSYPWD=a\0b", b"#FREEBUSYPWD=x\n", b"FREEBUSYPWD='a'b\n", b"FREEBUSYPWD= # none",
        b"FREEBUSYPWD=" + b"x" * 5000,
    ],
)  # fmt: skip
def test_a_msg_conf_without_a_password_is_told(folder: Path, content: bytes) -> None:
    """What is no plain assignment is not guessed at."""
    (folder / "msg.conf").write_bytes(content)
    told = "expected a file with a line FREEBUSYPWD=..., the password, in quotes or without"
    text = '[publish]\nmsg_conf = "msg.conf"'
    assert (f"publish.msg_conf: {told}",) == problems(folder, text)


def test_of_several_the_newest_counts(folder: Path) -> None:
    """A pattern finds the file of the newest installation."""
    for age, name in enumerate(("lsb3", "lsb9", "lsb4")):
        conf = folder / name / "msg" / "msg.conf"
        conf.parent.mkdir(parents=True)
        conf.write_text(f"FREEBUSYPWD=of-{name}\n", encoding="ascii")
        os.utime(conf, (1e9 - age, 1e9 - age))
    (folder / "lsb5" / "msg" / "msg.conf").mkdir(parents=True)
    publish = configured(folder, '[publish]\nmsg_conf = "lsb*/msg/msg.conf"').publish
    assert "of-lsb3" == publish.password


def test_a_new_line_in_msg_conf_is_another_configuration(folder: Path) -> None:
    """A reload sees that only the password has changed."""
    text = '[publish]\nmsg_conf = "msg.conf"'
    before = configured(folder, text)
    assert before == configured(folder, text)
    (folder / "msg.conf").write_text("FREEBUSYPWD=neu\n", encoding="ascii")
    assert before != configured(folder, text)


# -- mail accounts


@pytest.mark.parametrize(
    ("mail", "sources", "login"),
    [
        ("auto", (), None),
        ("auto", ("mail",), "mail"),
        ("auto", ("mail", "more"), None),
        ("off", ("mail",), None),
        ("more", ("mail", "more"), "more"),
    ],
)
def test_one_mail_server_checks_logins(
    folder: Path, mail: str, sources: tuple[str, ...], login: str | None
) -> None:
    """The only IMAP source does, unless it is said otherwise."""
    text = f'[login]\nmail = "{mail}"\n[sources.demo]\ntype = "vdir"\nroot = "."\n'
    config = configured(folder, text + "".join(map(IMAP.format, sources)))
    assert (None if login is None else config.sources[login]) is config.login_source


# -- people


def test_people_may_have_it_otherwise(folder: Path) -> None:
    """Who reads and what counts is the site's to say, but for those who say it themselves."""
    members = configured(
        folder,
        """
        persons = [
          "hans@example.com",
          { address = "eva@example.com", read = "anyone", combine = "newest" },
        ]
        [access]
        read = "accounts"
        [publish]
        combine = "published"
        """,
    ).members
    assert [("accounts", "published"), ("anyone", "newest")] == [
        (member.read, member.combine) for member in members.values()
    ]


def test_delegates_are_found_as_everybody_is(folder: Path) -> None:
    """By NAME, address or alias; what comes out is the NAME, once."""
    members = configured(
        folder,
        """
        persons = [
          { address = "hans@example.com", delegates = ["Eva@Example.com", "chef", "sekretariat"] },
          { address = "eva@example.com", aliases = ["sekretariat"], delegates = "chef" },
          { address = "bernd@example.com", name = "chef" },
        ]
        """,
    ).members
    assert [("eva", "chef"), ("chef",), ()] == [member.delegates for member in members.values()]


def test_a_wrong_person_blames_no_delegate(folder: Path) -> None:
    """While somebody cannot be read, nobody is reported for naming them."""
    text = 'persons = [{address = "hans@example.com", delegates = "eva"}, "eva@"]'
    assert ["persons[2].address"] == [told.partition(":")[0] for told in problems(folder, text)]


# -- certificates


def test_a_certificate_is_for_both_servers(folder: Path) -> None:
    """With it they may speak TLS only; links stay, because a renewed file is another one."""
    (folder / "live.pem").symlink_to("cert.pem")
    text = TLS.replace("cert.pem", "live.pem")
    ports = (
        '[http]\nlisten = []\ntls_listen = ":8443"\n[ftp]\ntls_listen = []\nrequire_tls = true\n'
    )
    config = configured(folder, text + ports)
    assert (folder / "live.pem", folder / "key.pem") == (config.tls.certificate, config.tls.key)
    assert ((), (Endpoint("", 8443),)) == (config.http.listen, config.http.tls_listen)
    assert [True, False] == [one.tls.is_configured for one in (config, configured(folder, ""))]


def test_a_certificate_needs_its_key(folder: Path) -> None:
    """One without the other is of no use."""
    told = "tls: expected both certificate and key, or neither"
    assert (told,) == problems(folder, '[tls]\ncertificate = "cert.pem"')


@pytest.mark.parametrize("kind", ["ed25519", "ec -pkeyopt ec_paramgen_curve:prime256v1"])
def test_a_key_of_another_certificate_is_told(folder: Path, kind: str) -> None:
    """The two are tried together before a client meets them."""
    command = f"openssl genpkey -algorithm {kind} -out {folder}/key.pem"
    subprocess.run(command.split(), check=True, capture_output=True)
    told = "tls: expected the key that belongs to the first certificate in the file"
    assert (told,) == problems(folder, TLS)


def test_a_key_with_a_passphrase_is_told(folder: Path) -> None:
    """A service has nobody to ask, and never waits at a prompt."""
    command = f"openssl pkey -aes256 -passout pass:x -in {folder}/key.pem -out {folder}/locked.pem"
    subprocess.run(command.split(), check=True, capture_output=True)
    told = "expected a key without a passphrase, because nobody is there to type one"
    found = problems(folder, TLS.replace("key.pem", "locked.pem"))
    assert (f'tls.key: "locked.pem": {told}',) == found


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "cert",
            b"",
            "expected a PEM file with the certificate, and those between it and the root",
        ),
        ("key", b"0\x82", "expected a PEM file with the private key of the certificate"),
    ],
)
def test_what_is_no_pem_is_told(folder: Path, name: str, content: bytes, told: str) -> None:
    """Each of the two files says what it should have been."""
    (folder / f"{name}.pem").write_bytes(content)
    key = "certificate" if name == "cert" else name
    assert (f'tls.{key}: "{name}.pem": {told}',) == problems(folder, TLS)


def test_a_broken_certificate_is_told(folder: Path) -> None:
    """OpenSSL has the last word."""
    (folder / "cert.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n")
    told = "tls: expected a certificate and a key that OpenSSL can read"
    assert (told,) == problems(folder, TLS)


def test_a_path_that_cannot_be_looked_at_is_a_problem(folder: Path) -> None:
    """What the system says against a path is passed on, and is no crash."""
    (told,) = problems(folder, f'[tls]\ncertificate = "{"x" * 5000}"')
    assert told.endswith("relative to the folder of this configuration (File name too long)")


# -- warnings


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('[publish]\ntrusted_networks = ["0.0.0.0/0"]',
         "publish.trusted_networks: 0.0.0.0/0 lets anybody publish for everybody"),
        ('[publish]\ntrusted_networks = ["::/0"]',
         "publish.trusted_networks: ::/0 lets anybody publish for everybody"),
        ('[publish]\ntrusted_networks = ["127.0.0.1"]',
         ("publish.trusted_networks: 127.0.0.1/32 lets every program of this machine publish for "
         "everybody, and whoever comes through a proxy on it")),
        ('[access]\nplain_logins = "::/0"',
         "access.plain_logins: passwords may come readable from everywhere"),
        (IMAP.format("a") + IMAP.format("b"),
         ("login.mail: nobody can log in with a mail account, because there are several mail "
         'servers; set it to one of a, b, or to "off"')),
        ('[access]\nread = "accounts"',
         ('access.read: "accounts" may read, but nobody can log in except with app passwords; '
         "set login.mail, or a password in [publish]")),
        ('persons = ["a@a.example", {address = "b@a.example", read = "accounts"}]',
         ('persons[2].read: "accounts" may read, but nobody can log in except with app passwords; '
         "set login.mail, or a password in [publish]")),
        (SHARED_LOCAL + '[login]\nusername = "{local}"\n' + MAIL,
         ("login.username: 'hans@a.example' and 'hans@b.example' have one login at the mail "
          "server, so that each writes the other's file; use {address}, or give one of them "
          "a login")),
        (TLS + "[ftp]\nenabled = false\n", "tls.certificate: nothing uses it; set http.tls_listen"),
    ],
)  # fmt: skip
def test_what_opens_or_shuts_too_much_is_a_warning(folder: Path, text: str, warning: str) -> None:
    """What hardly anybody means by it is said in one sentence."""
    assert warning in configured(folder, text).warnings


@pytest.mark.parametrize(
    "text",
    [
        '[access]\nread = "accounts"\n[publish]\npassword_file = "pw"',
        '[access]\nread = "accounts"\n' + IMAP.format("mail"),
        (
            'persons = [{address = "b@a.example", read = "networks"}]\n'
            '[access]\nread = "anyone"\nnetworks = "10.0.0.0/8"'
        ),
        '[publish]\ntrusted_networks = ["10.0.0.0/8", "2001:db8::/32"]',
        IMAP.format("a") + IMAP.format("b") + '[login]\nmail = "off"',
        SHARED_LOCAL + MAIL,
        SHARED_LOCAL + '[login]\nmail = "off"\nusername = "{local}"\n' + MAIL,
        TLS,
    ],
)
def test_what_is_meant_is_no_warning(folder: Path, text: str) -> None:
    """Nobody learns to overlook warnings."""
    keys = ("access", "login", "publish", "tls", "persons[")
    assert [] == [told for told in configured(folder, text).warnings if told.startswith(keys)]


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("pw", '[publish]\npassword_file = "pw"', "publish.password_file"),
        ("msg.conf", '[publish]\nmsg_conf = "*.conf"', "publish.msg_conf"),
        ("key.pem", TLS, "tls.key"),
    ],
)
def test_an_exposed_secret_is_told(folder: Path, name: str, text: str, key: str) -> None:
    """A secret that every user of the machine may read is a warning; a hidden one is none."""
    warning = f"{key}: every user of this machine may read it; chmod o= it"
    assert warning not in configured(folder, text).warnings
    (folder / name).chmod(0o644)
    assert warning in configured(folder, text).warnings


def test_hosts_are_compared_in_small_letters(folder: Path) -> None:
    """A name in a URL has no case."""
    config = configured(folder, '[http]\nhosts = ["Calendar.Example.com", "192.0.2.1"]')
    assert ("calendar.example.com", "192.0.2.1") == config.http.hosts
    assert (ip_network("127.0.0.0/8"), ip_network("::1/128")) == config.http.metrics_networks
