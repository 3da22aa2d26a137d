import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import org.eclipse.leshan.core.node.TimestampedLwM2mNode;
import org.eclipse.leshan.core.node.TimestampedLwM2mNodes;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.SendRequest;
import org.eclipse.leshan.core.response.ObserveCompositeResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.queue.PresenceListener;
import org.eclipse.leshan.server.queue.PresenceService;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.send.SendListener;

/** Tells what happens in the server. */
final class Events implements RegistrationListener, ObservationListener, SendListener, PresenceListener {
    private static final Comparator<Instant> UNTIMED_LAST = Comparator.nullsLast(Comparator.naturalOrder());
    private final Feed feed;
    private final PresenceService presence;

    Events(LeshanServer server, Feed feed) {
        this.feed = feed;
        presence = server.getPresenceService();
        server.getRegistrationService().addListener(this);
        server.getObservationService().addListener(this);
        server.getSendService().addListener(this);
        presence.addListener(this);
    }

    @Override
    public void registered(Registration now, Registration before, Collection<Observation> dropped) {
        feed.attribute(now.getSocketAddress(), now.getEndpoint());
        feed.emit("REGISTRATION", now.getEndpoint(), Registrations.toJson(now, presence));
    }

    @Override
    public void updated(RegistrationUpdate update, Registration now, Registration before) {
        feed.attribute(now.getSocketAddress(), now.getEndpoint());
        ObjectNode data = Nodes.MAPPER.createObjectNode();
        data.set("registration", Registrations.toJson(now, presence));
        data.set("update", Registrations.toJson(update));
        feed.emit("UPDATED", now.getEndpoint(), data);
    }

    @Override
    public void unregistered(Registration gone, Collection<Observation> dropped, boolean expired, Registration next) {
        ObjectNode data = Registrations.toJson(gone, presence);
        feed.emit("DEREGISTRATION", gone.getEndpoint(), data.put("expired", expired).put("replaced", next != null));
    }

    @Override
    public void onAwake(Registration client) {
        feed.emit("AWAKE", client.getEndpoint(), named(client));
    }

    @Override
    public void onSleeping(Registration client) {
        feed.emit("SLEEPING", client.getEndpoint(), named(client));
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
        feed.emit("NOTIFICATION", client.getEndpoint(), data);
    }

    @Override
    public void onResponse(CompositeObservation observation, Registration client, ObserveCompositeResponse response) {
        ObjectNode data = named(client).put("kind", "composite");
        data.set("val", Nodes.toJson(response.getContent()));
        ArrayNode paths = data.putArray("paths");
        observation.getPaths().forEach(path -> paths.add(path.toString()));
        samples(data, response.getTimestampedLwM2mNodes());
        feed.emit("NOTIFICATION", client.getEndpoint(), data);
    }

    @Override
    public void onError(Observation observation, Registration client, Exception error) {
        feed.emit("NOTIFICATION_ERROR", client.getEndpoint(), named(client).put("error", String.valueOf(error)));
    }

    @Override
    public void dataReceived(Registration client, TimestampedLwM2mNodes nodes, SendRequest request) {
        ObjectNode data = named(client);
        samples(data, nodes);
        feed.emit("SEND", client.getEndpoint(), data);
    }

    @Override
    public void onError(Registration client, String message, Exception error) {
        feed.emit("SEND_ERROR", client.getEndpoint(), named(client).put("error", message + ": " + error));
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
