import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.leshan.core.peer.IpPeer;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.bootstrap.BootstrapFailureCause;
import org.eclipse.leshan.server.bootstrap.BootstrapSession;
import org.eclipse.leshan.server.bootstrap.BootstrapSessionListener;

/** Tells of each session when it has ended: who, what was asked and answered, and why it failed. */
final class Sessions implements BootstrapSessionListener {
    private final Feed feed;
    private final Map<String, ArrayNode> steps = new ConcurrentHashMap<>(); // by session

    Sessions(Feed feed) {
        this.feed = feed;
    }

    @Override
    public void sessionInitiated(BootstrapRequest request, LwM2mPeer client) {
        if (client instanceof IpPeer) {
            feed.attribute(((IpPeer) client).getSocketAddress(), String.valueOf(request.getEndpointName()));
        }
    }

    @Override
    public void unAuthorized(BootstrapRequest request, LwM2mPeer client) {
        emit(record(request, client), "UNAUTHORIZED", Nodes.MAPPER.createArrayNode());
    }

    @Override
    public void authorized(BootstrapSession session) {
        steps.put(session.getId(), Nodes.MAPPER.createArrayNode());
    }

    @Override
    public void noConfig(BootstrapSession session) {}

    @Override
    public void sendRequest(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request) {}

    @Override
    public void onResponseSuccess(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request,
            LwM2mResponse response) {
        steps.get(session.getId()).add(step(request).set("answer", Answers.toJson(response)));
    }

    @Override
    public void onResponseError(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request,
            LwM2mResponse response) {
        onResponseSuccess(session, request, response);
    }

    @Override
    public void onRequestFailure(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request,
            Throwable cause) {
        steps.get(session.getId()).add(step(request).put("error", String.valueOf(cause)));
    }

    @Override
    public void end(BootstrapSession session) {
        finished(session, "");
    }

    @Override
    public void failed(BootstrapSession session, BootstrapFailureCause cause) {
        finished(session, cause.name());
    }

    private void finished(BootstrapSession session, String cause) {
        ObjectNode json = record(session.getBootstrapRequest(), session.getClientTransportData());
        emit(json, cause, steps.remove(session.getId()));
    }

    private void emit(ObjectNode json, String cause, ArrayNode steps) {
        json.put("cause", cause).set("steps", steps);
        feed.emit("BOOTSTRAP", json.path("ep").asText(), json);
    }

    private static ObjectNode record(BootstrapRequest request, LwM2mPeer client) {
        ObjectNode json = Nodes.MAPPER.createObjectNode().put("ep", request.getEndpointName());
        ContentFormat preferred = request.getPreferredContentFormat();
        json.put("preferred", preferred == null ? "" : preferred.getName());
        json.put("secure", client.getIdentity().isSecure()).put("address", String.valueOf(client));
        json.set("attributes", Nodes.MAPPER.valueToTree(request.getAdditionalAttributes()));
        return json;
    }

    /** BootstrapWriteRequest becomes WRITE. */
    private static ObjectNode step(BootstrapDownlinkRequest<? extends LwM2mResponse> request) {
        String name = request.getClass().getSimpleName();
        ObjectNode json = Nodes.MAPPER.createObjectNode();
        json.put("operation", name.substring("Bootstrap".length(), name.length() - "Request".length()).toUpperCase());
        return json.put("path", request.getPath() == null ? "" : request.getPath().toString());
    }
}
