import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Date;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.endpoint.LwM2mServerEndpoint;
import org.eclipse.leshan.server.queue.PresenceService;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationUpdate;

/** Registrations and server addresses to JSON. */
final class Registrations {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    static ObjectNode toJson(Registration r, PresenceService presence) {
        ObjectNode json = JSON.objectNode();
        json.put("endpoint", r.getEndpoint()).put("registrationId", r.getId());
        json.put("registrationDate", millis(r.getRegistrationDate())).put("lastUpdate", millis(r.getLastUpdate()));
        json.put("address", r.getAddress().getHostAddress() + ":" + r.getPort());
        json.put("smsNumber", r.getSmsNumber()).put("lwM2mVersion", r.getLwM2mVersion().toString());
        json.put("lifetime", r.getLifeTimeInSec()).put("bindingMode", BindingMode.toString(r.getBindingMode()));
        json.put("rootPath", r.getRootPath()).put("queuemode", r.getQueueMode());
        json.put("secure", "coaps".equals(r.getEndpointUri().getScheme()));
        json.set("objectLinks", Answers.links(r.getSortedObjectLinks()));
        json.set("additionalRegistrationAttributes", Nodes.MAPPER.valueToTree(r.getAdditionalRegistrationAttributes()));
        ObjectNode instances = json.putObject("availableInstances");
        for (LwM2mPath path : r.getAvailableInstances()) {
            instances.withArray(path.getObjectId().toString()).add(path.getObjectInstanceId());
        }
        if (r.usesQueueMode()) {
            json.put("sleeping", !presence.isClientAwake(r));
        }
        return json;
    }

    static ObjectNode toJson(RegistrationUpdate u) {
        ObjectNode json = JSON.objectNode();
        json.put("registrationId", u.getRegistrationId()).put("smsNumber", u.getSmsNumber());
        json.put("address", u.getAddress().getHostAddress() + ":" + u.getPort());
        json.put("lifetime", u.getLifeTimeInSec()).put("alternatePath", u.getAlternatePath());
        json.put("bindingMode", u.getBindingMode() == null ? null : BindingMode.toString(u.getBindingMode()));
        json.set("objectLinks", u.getObjectLinks() == null ? JSON.nullNode() : Answers.links(u.getObjectLinks()));
        json.set("additionalAttributes", Nodes.MAPPER.valueToTree(u.getAdditionalAttributes()));
        return json;
    }

    static ArrayNode endpoints(LeshanServer server) {
        ArrayNode json = JSON.arrayNode();
        for (LwM2mServerEndpoint endpoint : server.getEndpoints()) {
            ObjectNode uri = json.addObject().put("description", endpoint.getDescription()).putObject("uri");
            uri.put("full", endpoint.getURI().toString()).put("scheme", endpoint.getURI().getScheme());
            uri.put("host", endpoint.getURI().getHost()).put("port", endpoint.getURI().getPort());
        }
        return json;
    }

    private static long millis(Date date) {
        return date.getTime();
    }

    private Registrations() {}
}
