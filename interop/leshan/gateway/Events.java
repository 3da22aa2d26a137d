import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.leshan.core.node.TimestampedLwM2mNode;
import org.eclipse.leshan.core.node.TimestampedLwM2mNodes;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.SendRequest;
import org.eclipse.leshan.core.response.ObserveCompositeResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.endpoint.LwM2mServerEndpoint;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.queue.PresenceListener;
import org.eclipse.leshan.server.queue.PresenceService;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.send.SendListener;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpoint;

/** What happens in the server, as a stream of server-sent events, for all clients or for one (ep=NAME). */
final class Events implements RegistrationListener, ObservationListener, SendListener, PresenceListener {
    private static final Comparator<Instant> UNTIMED_LAST = Comparator.nullsLast(Comparator.naturalOrder());
    private static final long HEARTBEAT_SECONDS = 10;
    private final List<Subscriber> subscribers = new CopyOnWriteArrayList<>();
    private final Map<InetSocketAddress, String> endpoints = new ConcurrentHashMap<>();
    private final PresenceService presence;

    private static final class Subscriber {
        final BlockingQueue<String> frames = new LinkedBlockingQueue<>();
        final String endpoint;

        Subscriber(String endpoint) {
            this.endpoint = endpoint;
        }
    }

    Events(LeshanServer server) {
        presence = server.getPresenceService();
        server.getRegistrationService().addListener(this);
        server.getObservationService().addListener(this);
        server.getSendService().addListener(this);
        presence.addListener(this);
    }

    /** Shows every CoAP message as COAPLOG. */
    void traceCoap(LeshanServer server) {
        for (LwM2mServerEndpoint endpoint : server.getEndpoints()) {
            ((CaliforniumServerEndpoint) endpoint).getCoapEndpoint().addInterceptor(new CoapTrace(this));
        }
    }

    void stream(HttpExchange exchange) throws IOException {
        String query = exchange.getRequestURI().getQuery();
        Subscriber subscriber = new Subscriber(query != null && query.startsWith("ep=") ? query.substring(3) : null);
        subscribers.add(subscriber); // before the headers: who has them misses nothing
        try (exchange) {
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            out.flush();
            while (true) {
                String frame = subscriber.frames.poll(HEARTBEAT_SECONDS, TimeUnit.SECONDS);
                out.write((frame == null ? "\r\n" : frame).getBytes(StandardCharsets.UTF_8));
                out.flush();
            }
        } catch (IOException | InterruptedException e) {
            // The reader has gone: that is how every stream ends.
        } finally {
            subscribers.remove(subscriber);
        }
    }

    private void emit(String name, String endpoint, ObjectNode data) {
        String frame = "event: " + name + "\r\ndata: " + data + "\r\n\r\n";
        for (Subscriber s : subscribers) {
            if (s.endpoint == null || s.endpoint.equals(endpoint)) {
                s.frames.add(frame);
            }
        }
    }

    void emitCoap(InetSocketAddress peer, ObjectNode message) {
        String endpoint = endpoints.getOrDefault(peer, "");
        message.put("ep", endpoint).put("address", peer.getAddress().getHostAddress() + ":" + peer.getPort());
        emit("COAPLOG", endpoint, message);
    }

    @Override
    public void registered(Registration now, Registration before, Collection<Observation> dropped) {
        endpoints.put(now.getSocketAddress(), now.getEndpoint());
        emit("REGISTRATION", now.getEndpoint(), Registrations.toJson(now, presence));
    }

    @Override
    public void updated(RegistrationUpdate update, Registration now, Registration before) {
        endpoints.put(now.getSocketAddress(), now.getEndpoint());
        ObjectNode data = Nodes.MAPPER.createObjectNode();
        data.set("registration", Registrations.toJson(now, presence));
        data.set("update", Registrations.toJson(update));
        emit("UPDATED", now.getEndpoint(), data);
    }

    @Override
    public void unregistered(Registration gone, Collection<Observation> dropped, boolean expired, Registration next) {
        ObjectNode data = Registrations.toJson(gone, presence);
        emit("DEREGISTRATION", gone.getEndpoint(), data.put("expired", expired).put("replaced", next != null));
    }

    @Override
    public void onAwake(Registration client) {
        emit("AWAKE", client.getEndpoint(), named(client));
    }

    @Override
    public void onSleeping(Registration client) {
        emit("SLEEPING", client.getEndpoint(), named(client));
    }

    @Override
    public void newObservation(Observation observation, Registration client) {}

    @Override
    public void cancelled(Observation observation) {}

    @Override
    public void onResponse(SingleObservation observation, Registration client, ObserveResponse response) {
        ObjectNode data = named(client).put("kind", "single").put("res", observation.getPath().toString());
        data.set("val", Nodes.toJson(response.getContent()));
        ArrayNode samples = data.putArray("timestamped");
        if (response.getTimestampedLwM2mNodes() != null) {
            List<TimestampedLwM2mNode> nodes = new ArrayList<>(response.getTimestampedLwM2mNodes());
            nodes.sort(Comparator.comparing(TimestampedLwM2mNode::getTimestamp, UNTIMED_LAST));
            for (TimestampedLwM2mNode node : nodes) {
                sample(samples, node.getTimestamp()).set("val", Nodes.toJson(node.getNode()));
                data.set("val", Nodes.toJson(node.getNode()));
            }
        }
        emit("NOTIFICATION", client.getEndpoint(), data);
    }

    @Override
    public void onResponse(CompositeObservation observation, Registration client, ObserveCompositeResponse response) {
        ObjectNode data = named(client).put("kind", "composite");
        data.set("val", Nodes.toJson(response.getContent()));
        ArrayNode paths = data.putArray("paths");
        observation.getPaths().forEach(path -> paths.add(path.toString()));
        samples(data, response.getTimestampedLwM2mNodes());
        emit("NOTIFICATION", client.getEndpoint(), data);
    }

    @Override
    public void onError(Observation observation, Registration client, Exception error) {
        emit("NOTIFICATION_ERROR", client.getEndpoint(), named(client).put("error", String.valueOf(error)));
    }

    @Override
    public void dataReceived(Registration client, TimestampedLwM2mNodes nodes, SendRequest request) {
        ObjectNode data = named(client);
        samples(data, nodes);
        emit("SEND", client.getEndpoint(), data);
    }

    @Override
    public void onError(Registration client, String message, Exception error) {
        emit("SEND_ERROR", client.getEndpoint(), named(client).put("error", message + ": " + error));
    }

    private static ObjectNode named(Registration client) {
        return Nodes.MAPPER.createObjectNode().put("ep", client.getEndpoint());
    }

    private static void samples(ObjectNode data, TimestampedLwM2mNodes nodes) {
        ArrayNode samples = data.putArray("timestamped");
        if (nodes != null) {
            data.set("val", Nodes.toJson(nodes.getFlattenNodes())); // "most recent" is the oldest in M18
            for (Instant time : nodes.getTimestamps()) {
                sample(samples, time).set("val", Nodes.toJson(nodes.getNodesAt(time)));
            }
        }
    }

    private static ObjectNode sample(ArrayNode samples, Instant time) {
        return samples.addObject().put("time", time == null ? null : time.toEpochMilli());
    }
}
