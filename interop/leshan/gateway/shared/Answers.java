import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.leshan.core.link.Link;
import org.eclipse.leshan.core.link.attributes.Attribute;
import org.eclipse.leshan.core.response.BootstrapDiscoverResponse;
import org.eclipse.leshan.core.response.BootstrapReadResponse;
import org.eclipse.leshan.core.response.CreateResponse;
import org.eclipse.leshan.core.response.DiscoverResponse;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.response.ReadCompositeResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.util.Hex;

/** What clients answered, to JSON. */
final class Answers {
    static ObjectNode toJson(LwM2mResponse response) {
        ObjectNode json = Nodes.MAPPER.createObjectNode();
        json.put("status", response.getCode().getName() + "(" + response.getCode().getCode() + ")");
        json.put("valid", response.isValid()).put("success", response.isSuccess());
        json.put("failure", response.isFailure()).put("errormessage", response.getErrorMessage());
        if (response.isSuccess()) {
            content(json, response);
        }
        if (response.getCoapResponse() instanceof Response) {
            Response coap = (Response) response.getCoapResponse();
            json.put("contentFormat", coap.getOptions().getContentFormat());
            json.put("payload", Hex.encodeHexString(coap.getPayload()));
        }
        return json;
    }

    private static void content(ObjectNode json, LwM2mResponse response) {
        if (response instanceof ReadResponse) {
            json.set("content", Nodes.toJson(((ReadResponse) response).getContent()));
        } else if (response instanceof BootstrapReadResponse) {
            json.set("content", Nodes.toJson(((BootstrapReadResponse) response).getContent()));
        } else if (response instanceof ReadCompositeResponse) {
            json.set("content", Nodes.toJson(((ReadCompositeResponse) response).getContent()));
        } else if (response instanceof DiscoverResponse) {
            json.set("objectLinks", links(((DiscoverResponse) response).getObjectLinks()));
        } else if (response instanceof BootstrapDiscoverResponse) {
            json.set("objectLinks", links(((BootstrapDiscoverResponse) response).getObjectLinks()));
        } else if (response instanceof CreateResponse) {
            json.put("location", ((CreateResponse) response).getLocation());
        }
    }

    static ArrayNode links(Link[] links) {
        ArrayNode json = Nodes.MAPPER.createArrayNode();
        for (Link link : links) {
            ObjectNode entry = json.addObject().put("url", link.getUriReference());
            ObjectNode attributes = entry.putObject("attributes");
            for (Attribute attribute : link.getAttributes()) {
                attributes.put(attribute.getName(), attribute.hasValue() ? attribute.getCoreLinkValue() : null);
            }
        }
        return json;
    }

    private Answers() {}
}
