import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import org.eclipse.leshan.core.util.Hex;

/** Keeps the credentials of clients. Keys go in and never come out. */
final class Security {
    /** Leshan's store, whose package differs between its releases. */
    interface Store {
        void psk(String endpoint, String identity, byte[] key) throws Exception;

        void rpk(String endpoint, PublicKey key) throws Exception;

        void x509(String endpoint) throws Exception;

        void remove(String endpoint);
    }

    static final String PATH = "/api/security/clients/";
    private final Store store;

    Security(Store store) {
        this.store = store;
    }

    void handle(HttpExchange exchange) throws Exception {
        switch (exchange.getRequestMethod()) {
            case "PUT":
                add(Nodes.MAPPER.readTree(exchange.getRequestBody()));
                Http.reply(exchange, 200, "");
                break;
            case "DELETE":
                store.remove(exchange.getRequestURI().getPath().substring(PATH.length()));
                Http.reply(exchange, 204, "");
                break;
            default:
                throw new Http.Refused(405, "no such method");
        }
    }

    private void add(JsonNode json) throws Exception {
        String endpoint = json.path("endpoint").asText();
        JsonNode details = json.path("tls").path("details");
        byte[] key = Hex.decodeHex(details.path("key").asText().toCharArray());
        switch (json.path("tls").path("mode").asText()) {
            case "psk":
                store.psk(endpoint, details.path("identity").asText(), key);
                break;
            case "rpk":
                store.rpk(endpoint, KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(key)));
                break;
            case "x509":
                store.x509(endpoint);
                break;
            default:
                throw new Http.Refused(400, "tls.mode must be psk, rpk or x509");
        }
    }
}
