import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.InetSocketAddress;
import org.eclipse.californium.core.coap.CoAP;
import org.eclipse.californium.core.coap.EmptyMessage;
import org.eclipse.californium.core.coap.Message;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.californium.core.network.interceptors.MessageInterceptor;
import org.eclipse.leshan.core.util.Hex;

/** Reports each CoAP message that an endpoint sends or receives. */
final class CoapTrace implements MessageInterceptor {
    private final Events events;

    CoapTrace(Events events) {
        this.events = events;
    }

    private void report(boolean incoming, Message message) {
        InetSocketAddress peer = incoming ? message.getSourceContext().getPeerAddress()
                : message.getDestinationContext().getPeerAddress();
        ObjectNode json = Nodes.MAPPER.createObjectNode();
        json.put("timestamp", System.currentTimeMillis()).put("incoming", incoming);
        json.put("type", String.valueOf(message.getType())).put("code", CoAP.formatCode(message.getRawCode()));
        json.put("mId", message.getMID()).put("token", message.getTokenString());
        json.put("options", message.getOptions().toString());
        json.put("payload", "Hex:" + Hex.encodeHexString(message.getPayload()));
        json.put("raw", message.getBytes() == null ? null : Hex.encodeHexString(message.getBytes()));
        events.emitCoap(peer, json);
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
