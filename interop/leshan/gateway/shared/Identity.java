import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The server's own certificate, and the authorities whose certificates it accepts of clients. */
final class Identity {
    final PrivateKey key;
    final X509Certificate[] chain;
    /** None stands for every certificate. */
    final X509Certificate[] trusted;

    private Identity(PrivateKey key, X509Certificate[] chain, X509Certificate[] trusted) {
        this.key = key;
        this.chain = chain;
        this.trusted = trusted;
    }

    /** Reads -xcert (chain in PEM), -xprik (EC key, PKCS#8 DER) and -ts (folder of certificates); null without. */
    static Identity of(Map<String, String> options) throws Exception {
        if (!options.containsKey("-xcert")) {
            return null;
        }
        PrivateKey key = KeyFactory.getInstance("EC")
                .generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(new File(options.get("-xprik")).toPath())));
        List<X509Certificate> trusted = new ArrayList<>();
        File[] files = options.containsKey("-ts") ? new File(options.get("-ts")).listFiles() : null;
        for (File file : files == null ? new File[0] : files) {
            trusted.addAll(certificates(file));
        }
        return new Identity(key, certificates(new File(options.get("-xcert"))).toArray(new X509Certificate[0]),
                trusted.toArray(new X509Certificate[0]));
    }

    private static List<X509Certificate> certificates(File file) throws Exception {
        List<X509Certificate> all = new ArrayList<>();
        try (InputStream in = new FileInputStream(file)) {
            CertificateFactory.getInstance("X.509").generateCertificates(in).forEach(c -> all.add((X509Certificate) c));
        }
        return all;
    }
}
