import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.sun.net.httpserver.HttpExchange;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.leshan.core.link.attributes.InvalidAttributeException;
import org.eclipse.leshan.core.link.lwm2m.attributes.DefaultLwM2mAttributeParser;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttributeSet;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.codec.CodecException;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.CancelCompositeObservationRequest;
import org.eclipse.leshan.core.request.CancelObservationRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.CreateRequest;
import org.eclipse.leshan.core.request.DeleteRequest;
import org.eclipse.leshan.core.request.DiscoverRequest;
import org.eclipse.leshan.core.request.DownlinkDeviceManagementRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveCompositeRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadCompositeRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.WriteAttributesRequest;
import org.eclipse.leshan.core.request.WriteCompositeRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.request.exception.ClientSleepingException;
import org.eclipse.leshan.core.request.exception.InvalidRequestException;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.registration.Registration;

/** The registered clients, and the operations on them. */
final class Clients {
    private static final int PREFIX = "/api/clients".length();
    private final LeshanServer server;

    Clients(LeshanServer server) {
        this.server = server;
    }

    /** One HTTP call, taken apart: /api/clients/ENDPOINT/TARGET[/VERB]?PARAMETERS. */
    private static final class Request {
        final HttpExchange exchange;
        final Map<String, String> parameters = new HashMap<>();
        final String target;
        final String verb;
        Registration client;

        Request(HttpExchange exchange, String rest) {
            this.exchange = exchange;
            String query = exchange.getRequestURI().getQuery();
            for (String pair : query == null ? new String[0] : query.split("&")) {
                String[] parts = pair.split("=", 2);
                parameters.put(parts[0], parts.length > 1 ? parts[1] : "");
            }
            int last = rest.lastIndexOf('/');
            String tail = rest.substring(last + 1);
            boolean word = !tail.isEmpty() && !Character.isDigit(tail.charAt(0));
            String composite = rest.startsWith("/composite") ? "composite" : "";
            verb = exchange.getRequestMethod() + " " + (composite.isEmpty() ? (word ? tail : "") : rest.substring(1));
            target = word ? rest.substring(0, last) : rest;
        }

        ContentFormat format(String parameter) {
            String name = parameters.get(parameter);
            return name == null ? null : ContentFormat.fromName(name.toUpperCase());
        }

        List<String> paths() throws Http.Refused {
            if (!parameters.containsKey("paths")) {
                throw new Http.Refused(400, "paths is missing");
            }
            return Arrays.asList(parameters.get("paths").split(","));
        }

        byte[] body() throws Exception {
            return exchange.getRequestBody().readAllBytes();
        }
    }

    void handle(HttpExchange exchange) throws Exception {
        String path = exchange.getRequestURI().getRawPath().substring(PREFIX);
        if (path.length() <= 1) {
            list(exchange);
            return;
        }
        int slash = path.indexOf('/', 1);
        String name = slash < 0 ? path : path.substring(0, slash);
        String endpoint = URI.create(name).getPath().substring(1);
        Registration client = server.getRegistrationService().getByEndpoint(endpoint);
        if (client == null) {
            throw new Http.Refused(400, "No registered client with id '" + endpoint + "'");
        }
        if (slash < 0) {
            Http.reply(exchange, 200, Registrations.toJson(client, server.getPresenceService()));
            return;
        }
        Request request = new Request(exchange, path.substring(slash));
        request.client = client;
        try {
            perform(request);
        } catch (InvalidRequestException | CodecException | InvalidAttributeException | ClientSleepingException e) {
            throw new Http.Refused(400, "Invalid request: " + e.getMessage());
        }
    }

    private void list(HttpExchange exchange) throws Exception {
        ArrayNode all = Nodes.MAPPER.createArrayNode();
        server.getRegistrationService().getAllRegistrations()
                .forEachRemaining(r -> all.add(Registrations.toJson(r, server.getPresenceService())));
        Http.reply(exchange, 200, all);
    }

    private void perform(Request r) throws Exception {
        switch (r.verb) {
            case "DELETE observe":
                cancel(r, o -> o instanceof SingleObservation
                        && ((SingleObservation) o).getPath().equals(new LwM2mPath(r.target)));
                break;
            case "DELETE composite/observe":
                List<LwM2mPath> paths = LwM2mPath.getLwM2mPathList(r.paths());
                cancel(r, o -> o instanceof CompositeObservation && ((CompositeObservation) o).getPaths().equals(paths));
                break;
            default:
                answer(r, send(r, downlink(r)));
        }
    }

    private static DownlinkDeviceManagementRequest<?> downlink(Request r) throws Exception {
        ContentFormat format = r.format("format");
        ContentFormat nodes = r.format("nodeformat");
        switch (r.verb) {
            case "GET ":
                return new ReadRequest(format, r.target);
            case "GET discover":
                return new DiscoverRequest(r.target);
            case "GET composite":
                return new ReadCompositeRequest(r.format("pathformat"), nodes, r.paths());
            case "PUT ":
                boolean replace = !"false".equals(r.parameters.get("replace"));
                return new WriteRequest(replace ? WriteRequest.Mode.REPLACE : WriteRequest.Mode.UPDATE, format,
                        r.target, Nodes.fromJson(Nodes.MAPPER.readTree(r.body())));
            case "PUT attributes":
                return new WriteAttributesRequest(r.target, new LwM2mAttributeSet(
                        new DefaultLwM2mAttributeParser().parseUriQuery(r.exchange.getRequestURI().getQuery())));
            case "PUT composite":
                return new WriteCompositeRequest(nodes, composite(r), null);
            case "POST ":
                return executeOrCreate(r, format);
            case "POST observe":
                return new ObserveRequest(format, r.target);
            case "POST composite/observe":
                return new ObserveCompositeRequest(r.format("pathformat"), nodes, r.paths().toArray(new String[0]));
            case "DELETE ":
                return new DeleteRequest(r.target);
            default:
                throw new Http.Refused(400, "Invalid path");
        }
    }

    private static DownlinkDeviceManagementRequest<?> executeOrCreate(Request r, ContentFormat format)
            throws Exception {
        byte[] body = r.body();
        if (new LwM2mPath(r.target).isResource()) {
            return new ExecuteRequest(r.target, body.length == 0 ? null : new String(body, StandardCharsets.UTF_8));
        }
        LwM2mNode node = Nodes.fromJson(Nodes.MAPPER.readTree(body));
        if (!(node instanceof LwM2mObjectInstance)) {
            throw new Http.Refused(400, "payload must contain an object instance");
        }
        LwM2mObjectInstance instance = (LwM2mObjectInstance) node;
        return instance.getId() == LwM2mObjectInstance.UNDEFINED
                ? new CreateRequest(format, r.target, instance.getResources().values())
                : new CreateRequest(format, r.target, instance);
    }

    private static Map<LwM2mPath, LwM2mNode> composite(Request r) throws Exception {
        Map<LwM2mPath, LwM2mNode> nodes = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : Nodes.MAPPER.readTree(r.body()).properties()) {
            nodes.put(new LwM2mPath(entry.getKey()), Nodes.fromJson(entry.getValue()));
        }
        return nodes;
    }

    private void cancel(Request r, java.util.function.Predicate<Observation> wanted) throws Exception {
        Observation found = server.getObservationService().getObservations(r.client).stream().filter(wanted)
                .findFirst().orElseThrow(() -> new Http.Refused(404, "no such observation"));
        if (!r.parameters.containsKey("active")) {
            server.getObservationService().cancelObservation(found);
            Http.reply(r.exchange, 200, "");
            return;
        }
        LwM2mResponse response = send(r, found instanceof SingleObservation
                ? new CancelObservationRequest((SingleObservation) found)
                : new CancelCompositeObservationRequest((CompositeObservation) found));
        if (response != null && response.isSuccess()) {
            server.getObservationService().cancelObservation(found);
        }
        answer(r, response);
    }

    /** Sends; waits for a sleeping client to wake up as long as the call's timeout allows. */
    private LwM2mResponse send(Request r, DownlinkDeviceManagementRequest<?> request) throws Exception {
        long deadline = System.nanoTime() + Long.parseLong(r.parameters.getOrDefault("timeout", "5")) * 1_000_000_000L;
        while (true) {
            long left = Math.max(1, (deadline - System.nanoTime()) / 1_000_000);
            if (server.getPresenceService().isClientAwake(r.client) || !r.client.usesQueueMode()) {
                return server.send(r.client, request, left);
            }
            if (left == 1) {
                return null;
            }
            Thread.sleep(Math.min(left, 20));
            Registration now = server.getRegistrationService().getByEndpoint(r.client.getEndpoint());
            r.client = now == null ? r.client : now;
        }
    }

    private static void answer(Request r, LwM2mResponse response) throws Exception {
        if (response == null) {
            throw new Http.Refused(504, "Request timeout");
        }
        Http.reply(r.exchange, 200, Answers.toJson(response));
    }
}
