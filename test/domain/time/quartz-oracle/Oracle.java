import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.text.ParseException;
import java.util.Date;
import java.util.TimeZone;
import org.quartz.CronExpression;

/**
 * Answers for each line "expression TAB zone TAB instant [TAB instant...]" with the next fire times of Quartz
 * in epoch milliseconds, separated by tabs ("-" = none), or with "refused".
 */
public class Oracle {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(answer(line.split("\t")));
        }
        out.flush();
    }

    private static String answer(String[] fields) {
        CronExpression expression;
        try {
            expression = new CronExpression(fields[0]);
        } catch (ParseException | IllegalArgumentException e) {
            return "refused";
        }
        expression.setTimeZone(TimeZone.getTimeZone(fields[1]));
        StringBuilder answer = new StringBuilder();
        for (int i = 2; i < fields.length; i++) {
            Date next;
            try {
                next = expression.getNextValidTimeAfter(new Date(Long.parseLong(fields[i])));
            } catch (RuntimeException e) {
                return "failed " + e;
            }
            answer.append(i == 2 ? "" : "\t").append(next == null ? "-" : Long.toString(next.getTime()));
        }
        return answer.toString();
    }
}
