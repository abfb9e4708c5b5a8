// What KOrganizer sees in a free/busy file: reads one on standard input and prints
//
//   WINDOW start end
//   TYPE start end        for each period
//
// with times in UTC.  Exit status 1: KCalendarCore takes it for no free/busy file.

#include <KCalendarCore/FreeBusy>
#include <KCalendarCore/ICalFormat>

#include <QDateTime>
#include <QFile>
#include <QTextStream>

#include <cstdio>

namespace
{

QString utc(const QDateTime &moment)
{
    return moment.toUTC().toString(QStringLiteral("yyyyMMdd'T'HHmmss'Z'"));
}

QString name(KCalendarCore::FreeBusyPeriod::FreeBusyType type)
{
    using Period = KCalendarCore::FreeBusyPeriod;
    switch (type) {
    case Period::Free:
        return QStringLiteral("FREE");
    case Period::Busy:
        return QStringLiteral("BUSY");
    case Period::BusyUnavailable:
        return QStringLiteral("BUSY-UNAVAILABLE");
    case Period::BusyTentative:
        return QStringLiteral("BUSY-TENTATIVE");
    default:
        return QStringLiteral("UNKNOWN");
    }
}

} // namespace

int main()
{
    QFile input;
    if (!input.open(stdin, QIODevice::ReadOnly)) {
        return 2;
    }
    KCalendarCore::ICalFormat format;
    const auto freeBusy = format.parseFreeBusy(QString::fromUtf8(input.readAll()));
    if (!freeBusy) {
        return 1;
    }
    QTextStream output(stdout);
    output << "WINDOW " << utc(freeBusy->dtStart()) << ' ' << utc(freeBusy->dtEnd()) << '\n';
    const auto periods = freeBusy->fullBusyPeriods();
    for (const auto &period : periods) {
        output << name(period.type()) << ' ' << utc(period.start()) << ' ' << utc(period.end()) << '\n';
    }
    return 0;
}
