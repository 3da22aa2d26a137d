import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import org.eclipse.californium.core.network.CoapEndpoint;

/** What the programs of this folder have in common: options, the HTTP interface, and their end. */
final class Http {
    /** A program's main. */
    interface Program {
        void run(Map<String, String> options) throws Exception;
    }

    /** A call of the interface; what it throws becomes the HTTP answer. */
    interface Call {
        void handle(HttpExchange exchange) throws Exception;
    }

    private final HttpServer http;

    private Http(InetSocketAddress address) throws IOException {
        http = HttpServer.create(address, 0);
        http.setExecutor(Executors.newCachedThreadPool());
    }

    /** Runs a program with options of the form -name value. */
    static void main(String[] args, Program program) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i], args[i + 1]);
        }
        try {
            program.run(options);
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    static Http at(Map<String, String> options) throws IOException {
        return new Http(address(options, "-wh", "-wp"));
    }

    static InetSocketAddress address(Map<String, String> options, String host, String port) {
        return new InetSocketAddress(options.getOrDefault(host, "127.0.0.1"), Integer.parseInt(options.get(port)));
    }

    Http on(String path, Call call) {
        http.createContext(path, guarded(call));
        return this;
    }

    Http events(Feed feed) {
        http.createContext("/api/event", feed::stream);
        return this;
    }

    /** Starts to serve; the program ends when its standard input does, so that it never outlives the test. */
    void start() {
        http.start();
        Thread watch = new Thread(Http::exitWithParent, "parent");
        watch.setDaemon(true);
        watch.start();
        System.err.println("Web server started at http:/" + http.getAddress());
    }

    /** Leshan is content if one of its two endpoints could be made and has got its port. */
    static void requireStarted(List<CoapEndpoint> endpoints) throws BindException {
        if (endpoints.size() != 2) {
            throw new IllegalStateException("an endpoint could not be made; the reason is in the log");
        }
        for (CoapEndpoint endpoint : endpoints) {
            if (!endpoint.isStarted()) {
                throw new BindException(endpoint.getUri() + " could not be started");
            }
        }
    }

    /** The settings of Californium that the test has made, or null. */
    static File properties() {
        File file = new File("Californium3.server.properties");
        return file.isFile() ? file : null;
    }

    private static void exitWithParent() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            // The same as its end.
        }
        System.exit(0);
    }

    private static HttpHandler guarded(Call call) {
        return exchange -> {
            try {
                call.handle(exchange);
            } catch (Refused e) {
                reply(exchange, e.status, e.getMessage());
            } catch (Exception e) {
                e.printStackTrace();
                reply(exchange, 500, "Unexpected exception: " + e);
            } finally {
                exchange.close();
            }
        };
    }

    static void reply(HttpExchange exchange, int status, Object body) throws IOException {
        byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", body instanceof String ? "text/plain" : "application/json");
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    /** Says that a call cannot be carried out, and with which HTTP status. */
    static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;
        final int status;

        Refused(int status, String message) {
            super(message);
            this.status = status;
        }
    }
}
