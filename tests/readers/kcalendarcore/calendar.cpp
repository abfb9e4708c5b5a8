// What Kontact sees in iCalendar objects: reads them on standard input, each ended by a NUL,
// and prints for each, between lines of one dot,
//
//   EVENT summary start end zone, and status, transparency and text
//   ATTENDEE address status role
//   ALARM kind seconds from the start or end, or the time
//   AT start end            for each instance between the two times that are its arguments
//
// with times in UTC, days as days.  A text that it cannot read has the line UNREADABLE.

#include <KCalendarCore/Attendee>
#include <KCalendarCore/ICalFormat>
#include <KCalendarCore/MemoryCalendar>
#include <KCalendarCore/OccurrenceIterator>

#include <QDateTime>
#include <QFile>
#include <QTextStream>
#include <QTimeZone>

#include <cstdio>

using namespace KCalendarCore;

namespace
{

QString time(const QDateTime &moment, bool isDay)
{
    if (isDay) {
        return moment.date().toString(QStringLiteral("yyyyMMdd"));
    }
    return moment.toUTC().toString(QStringLiteral("yyyyMMdd'T'HHmmss'Z'"));
}

QString quoted(QString text)
{
    return text.replace(QLatin1Char('\\'), QStringLiteral("\\\\")).replace(QLatin1Char('\n'), QStringLiteral("\\n"));
}

void printAlarm(QTextStream &output, const Alarm::Ptr &alarm)
{
    output << "ALARM " << alarm->type() << ' ';
    if (alarm->hasTime()) {
        output << time(alarm->time(), false);
    } else if (alarm->hasEndOffset()) {
        output << "END " << alarm->endOffset().asSeconds();
    } else {
        output << "START " << alarm->startOffset().asSeconds();
    }
    output << ' ' << alarm->repeatCount() << ' ' << quoted(alarm->text()) << '\n';
}

void printEvent(QTextStream &output, const Event::Ptr &event)
{
    const bool isDay = event->allDay();
    output << "EVENT " << time(event->dtStart(), isDay) << ' ' << time(event->dtEnd(), isDay) << ' '
           << event->dtStart().timeZone().id() << ' ' << event->status() << ' ' << event->transparency() << ' '
           << event->secrecy() << ' ' << event->priority() << ' ' << event->revision() << '\n';
    output << "TEXT " << quoted(event->summary()) << " | " << quoted(event->description()) << " | "
           << quoted(event->location()) << " | " << event->categories().join(QLatin1Char('|')) << '\n';
    output << "ORGANIZER " << event->organizer().email() << '\n';
    const auto attendees = event->attendees();
    for (const auto &each : attendees) {
        output << "ATTENDEE " << each.email() << ' ' << each.status() << ' ' << each.role() << ' ' << each.RSVP() << ' '
               << each.name() << '\n';
    }
    const auto alarms = event->alarms();
    for (const auto &each : alarms) {
        printAlarm(output, each);
    }
}

void print(QTextStream &output, const QByteArray &text, const QDateTime &from, const QDateTime &to)
{
    const MemoryCalendar::Ptr calendar(new MemoryCalendar(QTimeZone::systemTimeZone()));
    ICalFormat format;
    if (!format.fromRawString(calendar, text)) {
        output << "UNREADABLE\n";
        return;
    }
    const auto events = calendar->rawEvents();
    for (const auto &event : events) {
        printEvent(output, event);
    }
    OccurrenceIterator each(*calendar, from, to);
    while (each.hasNext()) {
        each.next();
        const auto start = each.occurrenceStartDate();
        const auto end = each.incidence()->endDateForStart(start);
        const bool isDay = each.incidence()->allDay();
        output << "AT " << time(start, isDay) << ' ' << time(end, isDay) << '\n';
    }
}

} // namespace

int main(int count, char **arguments)
{
    QFile input;
    if (count != 3 || !input.open(stdin, QIODevice::ReadOnly)) {
        return 2;
    }
    const auto from = QDateTime::fromString(QString::fromLatin1(arguments[1]), Qt::ISODate);
    const auto to = QDateTime::fromString(QString::fromLatin1(arguments[2]), Qt::ISODate);
    QTextStream output(stdout);
    auto texts = input.readAll().split('\0');
    texts.removeLast();
    for (const auto &text : std::as_const(texts)) {
        print(output, text, from, to);
        output << ".\n";
    }
    return 0;
}
