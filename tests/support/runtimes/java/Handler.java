// The program of the runtime conformance suite for Java.
package conformance;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public class Handler implements RequestHandler<Map<String, Object>, Object> {
    static class Broken extends RuntimeException {
        Broken(String message) {
            super(message);
        }
    }

    private int calls = 0;

    public Handler() {
        String init = System.getenv("INIT");
        if ("fail".equals(init)) {
            throw new IllegalStateException("not today");
        }
        if ("exit".equals(init)) {
            System.exit(9);
        }
    }

    @Override
    public Object handleRequest(Map<String, Object> event, Context context) {
        try {
            return act(event, context);
        } catch (RuntimeException | Error error) {
            throw error;
        } catch (Exception error) {
            throw new RuntimeException(error);
        }
    }

    /** A handler that no interface names: pkg.Class::method. */
    public Object method(Map<String, Object> event) {
        return event.get("value");
    }

    private Object act(Map<String, Object> event, Context context) throws Exception {
        switch ((String) event.get("do")) {
            case "echo":
                return event.get("value");
            case "context":
                return describe(context);
            case "fail":
                throw new Broken("on purpose");
            case "sleep":
                Thread.sleep(60_000);
                return null;
            case "exit":
                System.exit(7);
                return null;
            case "hoard":
                return hoard();
            case "large":
                return "x".repeat((Integer) event.get("bytes") - 2);
            case "count":
                return count();
            case "place":
                return place();
            case "read":
                return Files.readString(Path.of((String) event.get("path")));
            case "layer":
                return Class.forName("greeting.Greeting").getField("TEXT").get(null);
            case "log":
                System.out.println("a line of the function");
                return null;
            default:
                throw new IllegalArgumentException(event.toString());
        }
    }

    private Object describe(Context context) {
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("requestId", context.getAwsRequestId());
        seen.put("arn", context.getInvokedFunctionArn());
        seen.put("name", context.getFunctionName());
        seen.put("version", context.getFunctionVersion());
        seen.put("memory", String.valueOf(context.getMemoryLimitInMB()));
        seen.put("group", context.getLogGroupName());
        seen.put("stream", context.getLogStreamName());
        seen.put("left", context.getRemainingTimeInMillis());
        seen.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
        seen.put("client", context.getClientContext().getCustom().get("k"));
        return seen;
    }

    private Object hoard() {
        List<byte[]> held = new ArrayList<>();
        while (true) {
            held.add(new byte[1_000_000]);
        }
    }

    private Object count() throws Exception {
        Path file = Path.of("/tmp/calls");
        Files.writeString(file, "x", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        calls += 1;
        return Map.of("memory", calls, "file", Files.size(file));
    }

    private Object place() {
        Map<String, String> variables = new LinkedHashMap<>();
        for (String name : List.of("AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "_HANDLER", "MINE")) {
            if (System.getenv(name) != null) {
                variables.put(name, System.getenv(name));
            }
        }
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("cwd", System.getProperty("user.dir"));
        seen.put("writable", Files.isWritable(Path.of("/var/task")));
        seen.put("variables", variables);
        return seen;
    }
}
