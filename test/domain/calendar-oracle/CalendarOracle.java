import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.Date;
import java.util.GregorianCalendar;
import java.util.TimeZone;
import org.quartz.impl.calendar.AnnualCalendar;
import org.quartz.impl.calendar.BaseCalendar;
import org.quartz.impl.calendar.CronCalendar;
import org.quartz.impl.calendar.DailyCalendar;
import org.quartz.impl.calendar.HolidayCalendar;
import org.quartz.impl.calendar.MonthlyCalendar;
import org.quartz.impl.calendar.WeeklyCalendar;
import org.quartz.impl.triggers.CronTriggerImpl;

/**
 * Answers for each line "zone TAB cron expression TAB after TAB count TAB calendar [TAB calendar...]" with that many
 * fire times of a Quartz trigger that has these calendars, in epoch milliseconds, separated by tabs. Each calendar
 * is the base of the one before: "type values", the values separated by commas.
 */
public class CalendarOracle {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(answer(line.split("\t")));
        }
        out.flush();
    }

    private static String answer(String[] fields) throws Exception {
        TimeZone zone = TimeZone.getTimeZone(fields[0]);
        BaseCalendar calendar = null;
        for (int i = fields.length - 1; i >= 4; i--) {
            BaseCalendar next = calendar(fields[i], zone);
            next.setBaseCalendar(calendar);
            calendar = next;
        }
        CronTriggerImpl trigger = new CronTriggerImpl();
        trigger.setCronExpression(fields[1]);
        trigger.setTimeZone(zone);
        Date at = new Date(Long.parseLong(fields[2]));
        trigger.setStartTime(at);
        StringBuilder answer = new StringBuilder();
        for (int left = Integer.parseInt(fields[3]); left > 0;) {
            at = trigger.getFireTimeAfter(at);
            if (at == null) {
                break;
            }
            if (calendar.isTimeIncluded(at.getTime())) {
                answer.append(answer.length() == 0 ? "" : "\t").append(at.getTime());
                left--;
            }
        }
        return answer.toString();
    }

    private static BaseCalendar calendar(String text, TimeZone zone) throws Exception {
        int space = text.indexOf(' ');
        String type = text.substring(0, space);
        String[] values = text.substring(space + 1).split(",");
        switch (type) {
            case "dates": {
                HolidayCalendar holidays = new HolidayCalendar(zone);
                for (String value : values) {
                    holidays.addExcludedDate(day(value, zone).getTime());
                }
                return holidays;
            }
            case "annual": {
                AnnualCalendar annual = new AnnualCalendar(zone);
                for (String value : values) {
                    annual.setDayExcluded(day("2024-" + value, zone), true);
                }
                return annual;
            }
            case "weekly": {
                WeeklyCalendar weekly = new WeeklyCalendar(zone);
                for (int day = 1; day <= 7; day++) {
                    weekly.setDayExcluded(day, false);
                }
                for (String value : values) {
                    weekly.setDayExcluded(Integer.parseInt(value), true);
                }
                return weekly;
            }
            case "monthly": {
                MonthlyCalendar monthly = new MonthlyCalendar(zone);
                for (String value : values) {
                    monthly.setDayExcluded(Integer.parseInt(value), true);
                }
                return monthly;
            }
            case "daily":
            case "inverted": {
                DailyCalendar daily = new DailyCalendar(values[0], values[1]);
                daily.setTimeZone(zone);
                daily.setInvertTimeRange(type.equals("inverted"));
                return daily;
            }
            default: {
                CronCalendar cron = new CronCalendar(text.substring(space + 1));
                cron.setTimeZone(zone);
                return cron;
            }
        }
    }

    private static GregorianCalendar day(String text, TimeZone zone) {
        String[] parts = text.split("-");
        GregorianCalendar day = new GregorianCalendar(zone);
        day.clear();
        day.set(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]) - 1, Integer.parseInt(parts[2]));
        return day;
    }
}
