import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServer;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.bootstrap.endpoint.LwM2mBootstrapServerEndpoint;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.CaliforniumBootstrapServerEndpoint;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.CaliforniumBootstrapServerEndpointsProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coap.CoapBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coaps.CoapsBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.model.VersionedBootstrapModelProvider;
import org.eclipse.leshan.server.security.BootstrapSecurityStoreAdapter;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.NonUniqueSecurityInfoException;
import org.eclipse.leshan.server.security.SecurityInfo;

/**
 * Puts an HTTP interface in front of the Leshan bootstrap server library, so that Go tests can drive it.
 *
 * <p>Paths and JSON of the configurations are those of Leshan's own demo bootstrap server, to which
 * "tasks" adds further requests. The options are those of the server's gateway, without -m.
 */
public final class BootstrapGateway {
    public static void main(String[] args) {
        Http.main(args, BootstrapGateway::run);
    }

    private static void run(Map<String, String> options) throws Exception {
        InMemorySecurityStore security = new InMemorySecurityStore();
        Configurations configurations = new Configurations();
        LeshanBootstrapServer bootstrap = build(options, security, configurations);
        Feed feed = new Feed();
        bootstrap.addListener(new Sessions(feed));
        Http http = Http.at(options).events(feed);
        http.on(Configurations.PATH, configurations::handle);
        http.on(Security.PATH, new Security(new Credentials(security))::handle);
        http.on("/api/server/endpoint", e -> Http.reply(e, 200, endpoints(bootstrap)));
        bootstrap.start();
        List<CoapEndpoint> endpoints = new ArrayList<>();
        bootstrap.getEndpoints().forEach(e -> endpoints.add(((CaliforniumBootstrapServerEndpoint) e).getCoapEndpoint()));
        Http.requireStarted(endpoints);
        endpoints.forEach(e -> e.addInterceptor(new CoapTrace(feed)));
        http.start();
    }

    private static LeshanBootstrapServer build(Map<String, String> options, InMemorySecurityStore security,
            Configurations configurations) throws Exception {
        CaliforniumBootstrapServerEndpointsProvider.Builder endpoints =
                new CaliforniumBootstrapServerEndpointsProvider.Builder(
                        new CoapBootstrapServerProtocolProvider(), new CoapsBootstrapServerProtocolProvider());
        Configuration configuration = endpoints.createDefaultConfiguration();
        if (Http.properties() != null) {
            configuration.load(Http.properties());
        }
        endpoints.setConfiguration(configuration);
        endpoints.addEndpoint(Http.address(options, "-lh", "-lp"), Protocol.COAP);
        endpoints.addEndpoint(Http.address(options, "-slh", "-slp"), Protocol.COAPS);

        LeshanBootstrapServerBuilder builder = new LeshanBootstrapServerBuilder();
        builder.setObjectModelProvider(new VersionedBootstrapModelProvider(ObjectLoader.loadAllDefault()));
        builder.setSecurityStore(new BootstrapSecurityStoreAdapter(security));
        builder.setTaskProvider(configurations);
        builder.setEndpointsProviders(endpoints.build());
        Identity identity = Identity.of(options);
        if (identity != null) {
            builder.setPrivateKey(identity.key).setCertificateChain(identity.chain);
            builder.setTrustedCertificates(identity.trusted);
        }
        return builder.build();
    }

    private static ArrayNode endpoints(LeshanBootstrapServer server) {
        ArrayNode json = Nodes.MAPPER.createArrayNode();
        for (LwM2mBootstrapServerEndpoint endpoint : server.getEndpoints()) {
            ObjectNode uri = json.addObject().putObject("uri");
            uri.put("full", endpoint.getURI().toString());
        }
        return json;
    }

    private static final class Credentials implements Security.Store {
        private final InMemorySecurityStore store;

        Credentials(InMemorySecurityStore store) {
            this.store = store;
        }

        @Override
        public void psk(String endpoint, String identity, byte[] key) throws Exception {
            add(SecurityInfo.newPreSharedKeyInfo(endpoint, identity, key));
        }

        @Override
        public void rpk(String endpoint, PublicKey key) throws Exception {
            add(SecurityInfo.newRawPublicKeyInfo(endpoint, key));
        }

        @Override
        public void x509(String endpoint) throws Exception {
            add(SecurityInfo.newX509CertInfo(endpoint));
        }

        private void add(SecurityInfo info) throws Exception {
            try {
                store.add(info);
            } catch (NonUniqueSecurityInfoException e) {
                throw new Http.Refused(400, e.getMessage());
            }
        }

        @Override
        public void remove(String endpoint) {
            store.remove(endpoint, true);
        }
    }

    private BootstrapGateway() {}
}
