import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Hands out server-sent events about all clients, or about one (ep=NAME). */
final class Feed {
    private static final long HEARTBEAT_SECONDS = 10;
    private final List<Subscriber> subscribers = new CopyOnWriteArrayList<>();
    private final Map<InetSocketAddress, String> endpoints = new ConcurrentHashMap<>();

    private static final class Subscriber {
        final BlockingQueue<String> frames = new LinkedBlockingQueue<>();
        final String endpoint;

        Subscriber(String endpoint) {
            this.endpoint = endpoint;
        }
    }

    void stream(HttpExchange exchange) throws IOException {
        String query = exchange.getRequestURI().getQuery();
        Subscriber subscriber = new Subscriber(query != null && query.startsWith("ep=") ? query.substring(3) : null);
        subscribers.add(subscriber); // before the headers: who has them misses nothing
        try (exchange) {
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            out.flush();
            while (true) {
                String frame = subscriber.frames.poll(HEARTBEAT_SECONDS, TimeUnit.SECONDS);
                out.write((frame == null ? "\r\n" : frame).getBytes(StandardCharsets.UTF_8));
                out.flush();
            }
        } catch (IOException | InterruptedException e) {
            // The reader has gone: that is how every stream ends.
        } finally {
            subscribers.remove(subscriber);
        }
    }

    void emit(String name, String endpoint, ObjectNode data) {
        String frame = "event: " + name + "\r\ndata: " + data + "\r\n\r\n";
        for (Subscriber s : subscribers) {
            if (s.endpoint == null || s.endpoint.equals(endpoint)) {
                s.frames.add(frame);
            }
        }
    }

    /** Tells whose messages those from and to an address are. */
    void attribute(InetSocketAddress address, String endpoint) {
        endpoints.put(address, endpoint);
    }

    void emitCoap(InetSocketAddress peer, ObjectNode message) {
        String endpoint = endpoints.getOrDefault(peer, "");
        message.put("ep", endpoint).put("address", peer.getAddress().getHostAddress() + ":" + peer.getPort());
        emit("COAPLOG", endpoint, message);
    }
}
