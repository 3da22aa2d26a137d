import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.security.KeyFactory;
import java.security.spec.X509EncodedKeySpec;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.servers.security.InMemorySecurityStore;
import org.eclipse.leshan.servers.security.NonUniqueSecurityInfoException;
import org.eclipse.leshan.servers.security.SecurityInfo;

/** The store of client credentials. Keys go in and never come out. */
final class Security {
    private final InMemorySecurityStore store;

    Security(InMemorySecurityStore store) {
        this.store = store;
    }

    void handle(HttpExchange exchange) throws Exception {
        switch (exchange.getRequestMethod()) {
            case "GET":
                ArrayNode list = Nodes.MAPPER.createArrayNode();
                store.getAll().forEach(info -> list.add(toJson(info)));
                Gateway.reply(exchange, 200, list);
                break;
            case "PUT":
                try {
                    store.add(fromJson(Nodes.MAPPER.readTree(exchange.getRequestBody())));
                } catch (NonUniqueSecurityInfoException e) {
                    throw new Gateway.Refused(400, e.getMessage());
                }
                Gateway.reply(exchange, 200, "");
                break;
            case "DELETE":
                String path = exchange.getRequestURI().getPath();
                store.remove(path.substring("/api/security/clients/".length()), true);
                Gateway.reply(exchange, 204, "");
                break;
            default:
                throw new Gateway.Refused(405, "no such method");
        }
    }

    private static SecurityInfo fromJson(JsonNode json) throws Exception {
        String endpoint = json.path("endpoint").asText();
        JsonNode details = json.path("tls").path("details");
        byte[] key = Hex.decodeHex(details.path("key").asText().toCharArray());
        switch (json.path("tls").path("mode").asText()) {
            case "psk":
                return SecurityInfo.newPreSharedKeyInfo(endpoint, details.path("identity").asText(), key);
            case "rpk":
                return SecurityInfo.newRawPublicKeyInfo(endpoint,
                        KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(key)));
            case "x509":
                return SecurityInfo.newX509CertInfo(endpoint);
            default:
                throw new Gateway.Refused(400, "tls.mode must be psk, rpk or x509");
        }
    }

    private static ObjectNode toJson(SecurityInfo info) {
        ObjectNode json = Nodes.MAPPER.createObjectNode().put("endpoint", info.getEndpoint());
        ObjectNode tls = json.putObject("tls").put("mode", info.usePSK() ? "psk" : info.useRPK() ? "rpk" : "x509");
        if (info.usePSK()) {
            tls.putObject("details").put("identity", info.getPskIdentity());
        }
        return json;
    }
}
