import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.request.BootstrapDeleteRequest;
import org.eclipse.leshan.core.request.BootstrapDiscoverRequest;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapReadRequest;
import org.eclipse.leshan.core.request.BootstrapWriteRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.exception.InvalidRequestException;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig;
import org.eclipse.leshan.server.bootstrap.BootstrapConfigStoreTaskProvider;
import org.eclipse.leshan.server.bootstrap.BootstrapSession;
import org.eclipse.leshan.server.bootstrap.BootstrapTaskProvider;
import org.eclipse.leshan.server.bootstrap.InMemoryBootstrapConfigStore;
import org.eclipse.leshan.server.bootstrap.InvalidConfigurationException;

/** The configurations of clients: those of Leshan, and further requests that are sent after them. */
final class Configurations implements BootstrapTaskProvider {
    static final String PATH = "/api/bootstrap/";
    private final InMemoryBootstrapConfigStore store = new InMemoryBootstrapConfigStore();
    private final BootstrapTaskProvider leshan = new BootstrapConfigStoreTaskProvider(store);
    private final Map<String, JsonNode> tasks = new ConcurrentHashMap<>();

    void handle(HttpExchange exchange) throws Exception {
        String endpoint = exchange.getRequestURI().getPath().substring(PATH.length());
        switch (exchange.getRequestMethod()) {
            case "POST":
                set(endpoint, (ObjectNode) Nodes.MAPPER.readTree(exchange.getRequestBody()));
                Http.reply(exchange, 200, "");
                break;
            case "DELETE":
                tasks.remove(endpoint);
                Http.reply(exchange, store.remove(endpoint) == null ? 404 : 204, "");
                break;
            default:
                throw new Http.Refused(405, "no such method");
        }
    }

    private void set(String endpoint, ObjectNode json) throws Http.Refused {
        JsonNode format = json.remove("contentFormat");
        JsonNode further = json.remove("tasks");
        try {
            BootstrapConfig config = Nodes.MAPPER.treeToValue(json, BootstrapConfig.class);
            config.contentFormat = format(format);
            requests(further);
            store.add(endpoint, config);
        } catch (JsonProcessingException | InvalidConfigurationException | InvalidRequestException e) {
            throw new Http.Refused(400, "Invalid configuration: " + e.getMessage());
        }
        tasks.put(endpoint, further == null ? Nodes.MAPPER.createArrayNode() : further);
    }

    @Override
    public Tasks getTasks(BootstrapSession session, List<LwM2mResponse> previous) {
        Tasks next = leshan.getTasks(session, previous);
        if (next == null || !next.last) {
            return next;
        }
        try {
            next.requestsToSend = new ArrayList<>(next.requestsToSend);
            next.requestsToSend.addAll(requests(tasks.get(session.getEndpoint())));
        } catch (Http.Refused e) {
            throw new IllegalStateException(e); // was checked before
        }
        next.supportedObjects = new HashMap<>(next.supportedObjects);
        next.supportedObjects.putIfAbsent(3, "1.1");
        return next;
    }

    private static List<BootstrapDownlinkRequest<? extends LwM2mResponse>> requests(JsonNode tasks)
            throws Http.Refused {
        List<BootstrapDownlinkRequest<? extends LwM2mResponse>> all = new ArrayList<>();
        for (JsonNode task : tasks == null ? Nodes.MAPPER.createArrayNode() : tasks) {
            String path = task.path("path").asText();
            ContentFormat format = format(task.get("format"));
            switch (task.path("operation").asText()) {
                case "DISCOVER":
                    all.add(new BootstrapDiscoverRequest(path));
                    break;
                case "READ":
                    all.add(new BootstrapReadRequest(format, path));
                    break;
                case "DELETE":
                    all.add(new BootstrapDeleteRequest(path));
                    break;
                case "WRITE":
                    all.add(new BootstrapWriteRequest(new LwM2mPath(path), Nodes.fromJson(task.get("node")),
                            format == null ? ContentFormat.TLV : format));
                    break;
                default:
                    throw new Http.Refused(400, "operation must be DISCOVER, READ, WRITE or DELETE");
            }
        }
        return all;
    }

    private static ContentFormat format(JsonNode name) {
        return name == null ? null : ContentFormat.fromName(name.asText());
    }
}
