import java.io.File;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.model.VersionedModelProvider;
import org.eclipse.leshan.server.queue.StaticClientAwakeTimeProvider;
import org.eclipse.leshan.servers.security.InMemorySecurityStore;
import org.eclipse.leshan.servers.security.NonUniqueSecurityInfoException;
import org.eclipse.leshan.servers.security.SecurityInfo;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpoint;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coap.CoapServerProtocolProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coaps.CoapsServerProtocolProvider;

/**
 * Puts an HTTP interface in front of the Leshan server library, so that Go tests can drive it.
 *
 * <p>The addresses, parameters and JSON follow the REST interface of Leshan's own demo server, which
 * is not among the artifacts that every Maven repository carries. Everything that speaks LwM2M is
 * Leshan, unmodified; this program only carries calls and events across.
 *
 * <p>Options (the demo's names): -lh -lp CoAP host and port, -slh -slp CoAPS, -wh -wp HTTP, -m folder
 * of further object definitions, -awake milliseconds for which a client in queue mode is taken for
 * awake, and those of {@link Identity}.
 */
public final class Gateway {
    public static void main(String[] args) {
        Http.main(args, Gateway::run);
    }

    private static void run(Map<String, String> options) throws Exception {
        InMemorySecurityStore security = new InMemorySecurityStore();
        LeshanServer lwm2m = build(options, security);
        Feed feed = new Feed();
        new Events(lwm2m, feed);
        Http http = Http.at(options).events(feed);
        http.on("/api/clients", new Clients(lwm2m)::handle);
        http.on(Security.PATH, new Security(new Credentials(security))::handle);
        http.on("/api/server/endpoint", e -> Http.reply(e, 200, Registrations.endpoints(lwm2m)));
        lwm2m.start();
        List<CoapEndpoint> endpoints = new ArrayList<>();
        lwm2m.getEndpoints().forEach(e -> endpoints.add(((CaliforniumServerEndpoint) e).getCoapEndpoint()));
        Http.requireStarted(endpoints);
        endpoints.forEach(e -> e.addInterceptor(new CoapTrace(feed)));
        http.start();
    }

    private static LeshanServer build(Map<String, String> options, InMemorySecurityStore security) throws Exception {
        List<ObjectModel> models = ObjectLoader.loadAllDefault();
        models.addAll(ObjectLoader.loadDdfResources("/models/", new String[] {"3441.xml", "3442.xml"}));
        if (options.containsKey("-m")) {
            models.addAll(ObjectLoader.loadObjectsFromDir(new File(options.get("-m")), true));
        }
        CaliforniumServerEndpointsProvider.Builder endpoints = new CaliforniumServerEndpointsProvider.Builder(
                new CoapServerProtocolProvider(), new CoapsServerProtocolProvider());
        Configuration configuration = endpoints.createDefaultConfiguration();
        if (Http.properties() != null) {
            configuration.load(Http.properties());
        }
        endpoints.setConfiguration(configuration);
        endpoints.addEndpoint(Http.address(options, "-lh", "-lp"), Protocol.COAP);
        endpoints.addEndpoint(Http.address(options, "-slh", "-slp"), Protocol.COAPS);

        LeshanServerBuilder builder = new LeshanServerBuilder();
        builder.setObjectModelProvider(new VersionedModelProvider(models));
        builder.setSecurityStore(security);
        builder.setEndpointsProviders(endpoints.build());
        if (options.containsKey("-awake")) {
            int milliseconds = Integer.parseInt(options.get("-awake"));
            builder.setClientAwakeTimeProvider(new StaticClientAwakeTimeProvider(milliseconds));
        }
        Identity identity = Identity.of(options);
        if (identity != null) {
            builder.setPrivateKey(identity.key).setCertificateChain(identity.chain);
            builder.setTrustedCertificates(identity.trusted);
        }
        return builder.build();
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

    private Gateway() {}
}
