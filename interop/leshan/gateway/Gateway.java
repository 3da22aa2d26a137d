import com.sun.net.httpserver.HttpExchange;
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
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.endpoint.LwM2mServerEndpoint;
import org.eclipse.leshan.server.model.VersionedModelProvider;
import org.eclipse.leshan.servers.security.InMemorySecurityStore;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpoint;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coap.CoapServerProtocolProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coaps.CoapsServerProtocolProvider;

/**
 * Puts an HTTP interface in front of the Leshan server library, so that Go tests can drive it.
 *
 * <p>The addresses, parameters and JSON follow the REST interface of Leshan's own demo server, which
 * is not among the artifacts that every Maven repository carries. Everything that speaks LwM2M is
 * Leshan, unmodified; this program only carries calls and events across.
 *
 * <p>Options (the demo's names): -lh -lp CoAP host and port, -slh -slp CoAPS, -wh -wp HTTP, -m folder
 * of further object definitions. The program ends when its standard input does, so that it never
 * outlives the test that started it.
 */
public final class Gateway {
    static final String PROPERTIES = "Californium3.server.properties";

    public static void main(String[] args) {
        try {
            run(args);
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static void run(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            options.put(args[i], args[i + 1]);
        }
        InMemorySecurityStore security = new InMemorySecurityStore();
        LeshanServer lwm2m = build(options, security);
        Events events = new Events(lwm2m);
        Clients clients = new Clients(lwm2m);
        Security credentials = new Security(security);

        HttpServer http = HttpServer.create(address(options, "-wh", "-wp"), 0);
        http.setExecutor(Executors.newCachedThreadPool());
        http.createContext("/api/clients", guarded(clients::handle));
        http.createContext("/api/security/clients", guarded(credentials::handle));
        http.createContext("/api/server/endpoint", guarded(e -> reply(e, 200, Registrations.endpoints(lwm2m))));
        http.createContext("/api/event", events::stream);

        lwm2m.start();
        requireStarted(lwm2m);
        events.traceCoap(lwm2m);
        http.start();
        Thread watch = new Thread(Gateway::exitWithParent, "parent");
        watch.setDaemon(true);
        watch.start();
        System.err.println("Web server started at http:/" + http.getAddress());
    }

    /** Californium is content if one of several endpoints has got its port. */
    private static void requireStarted(LeshanServer server) throws BindException {
        for (LwM2mServerEndpoint endpoint : server.getEndpoints()) {
            if (!((CaliforniumServerEndpoint) endpoint).getCoapEndpoint().isStarted()) {
                throw new BindException(endpoint.getURI() + " could not be started");
            }
        }
    }

    private static void exitWithParent() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            // The same as its end.
        }
        System.exit(0);
    }

    private static LeshanServer build(Map<String, String> options, InMemorySecurityStore security) throws Exception {
        List<ObjectModel> models = ObjectLoader.loadAllDefault();
        models.addAll(ObjectLoader.loadDdfResources("/models/", new String[] {"3441.xml", "3442.xml"}));
        if (options.containsKey("-m")) {
            models.addAll(ObjectLoader.loadObjectsFromDir(new File(options.get("-m")), true));
        }
        CaliforniumServerEndpointsProvider.Builder endpoints = new CaliforniumServerEndpointsProvider.Builder(
                new CoapServerProtocolProvider(), new CoapsServerProtocolProvider());
        Configuration configuration = endpoints.createDefaultConfiguration();
        File properties = new File(PROPERTIES);
        if (properties.isFile()) {
            configuration.load(properties);
        }
        endpoints.setConfiguration(configuration);
        endpoints.addEndpoint(address(options, "-lh", "-lp"), Protocol.COAP);
        endpoints.addEndpoint(address(options, "-slh", "-slp"), Protocol.COAPS);

        LeshanServerBuilder builder = new LeshanServerBuilder();
        builder.setObjectModelProvider(new VersionedModelProvider(models));
        builder.setSecurityStore(security);
        builder.setEndpointsProviders(endpoints.build());
        return builder.build();
    }

    private static InetSocketAddress address(Map<String, String> options, String host, String port) {
        return new InetSocketAddress(options.getOrDefault(host, "127.0.0.1"), Integer.parseInt(options.get(port)));
    }

    /** A call of the interface; what it throws becomes the HTTP answer. */
    interface Call {
        void handle(HttpExchange exchange) throws Exception;
    }

    private static com.sun.net.httpserver.HttpHandler guarded(Call call) {
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

    private Gateway() {}
}
