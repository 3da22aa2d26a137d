import com.fasterxml.jackson.databind.node.ObjectNode;
import org.eclipse.californium.core.coap.CoAP;
import org.eclipse.californium.core.coap.EmptyMessage;
import org.eclipse.californium.core.coap.Message;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.network.interceptors.MessageInterceptor;
import org.eclipse.californium.elements.DtlsEndpointContext;
import org.eclipse.californium.elements.EndpointContext;
import org.eclipse.leshan.core.util.Hex;

/** Reports each CoAP message that an endpoint sends or receives. */
final class CoapTrace implements MessageInterceptor {
    private final Feed feed;

    CoapTrace(Feed feed) {
        this.feed = feed;
    }

    private void report(boolean incoming, Message message) {
        EndpointContext context = incoming ? message.getSourceContext() : message.getDestinationContext();
        ObjectNode json = Nodes.MAPPER.createObjectNode();
        json.put("timestamp", System.currentTimeMillis()).put("incoming", incoming);
        json.put("type", String.valueOf(message.getType())).put("code", CoAP.formatCode(message.getRawCode()));
        json.put("mId", message.getMID()).put("token", message.getTokenString());
        json.put("options", message.getOptions().toString());
        json.put("payload", "Hex:" + Hex.encodeHexString(message.getPayload()));
        json.put("raw", message.getBytes() == null ? null : Hex.encodeHexString(message.getBytes()));
        if (context.get(DtlsEndpointContext.KEY_CIPHER) != null) {
            session(json.putObject("dtls"), context);
        }
        feed.emitCoap(context.getPeerAddress(), json);
    }

    /** The DTLS session: its cipher suite, its ID, when it was made, and the connection ID that the client sends. */
    private static void session(ObjectNode json, EndpointContext context) {
        json.put("cipher", context.getString(DtlsEndpointContext.KEY_CIPHER));
        json.put("session", context.getString(DtlsEndpointContext.KEY_SESSION_ID));
        json.put("handshake", context.get(DtlsEndpointContext.KEY_HANDSHAKE_TIMESTAMP));
        json.put("connectionId", context.getString(DtlsEndpointContext.KEY_READ_CONNECTION_ID));
    }

    @Override
    public void sendRequest(Request request) {
        report(false, request);
    }

    @Override
    public void sendResponse(Response response) {
        report(false, response);
    }

    @Override
    public void sendEmptyMessage(EmptyMessage message) {
        report(false, message);
    }

    @Override
    public void receiveRequest(Request request) {
        report(true, request);
    }

    @Override
    public void receiveResponse(Response response) {
        report(true, response);
    }

    @Override
    public void receiveEmptyMessage(EmptyMessage message) {
        report(true, message);
    }
}
