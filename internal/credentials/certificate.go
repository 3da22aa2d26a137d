package credentials

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
)

const (
	pemCertificate = "CERTIFICATE"
	pemPublicKey   = "PUBLIC KEY"
)

func isPEM(data []byte) bool { return bytes.Contains(data, []byte("-----BEGIN ")) }

// Certificates reads one certificate or a chain, the first being that of the
// peer itself: PEM with any number of certificates, or DER, one after the other.
// Private keys beside them in PEM are passed over.
func Certificates(data []byte) (chain []*x509.Certificate, found string, err error) {
	der, form, err := certificateDER(data)
	if err != nil {
		return nil, "", err
	}
	chain, err = x509.ParseCertificates(der)
	if err != nil || len(chain) == 0 {
		if _, rpk := x509.ParsePKIXPublicKey(der); rpk == nil {
			return nil, "", fmt.Errorf("%w: %w", ErrInvalid, ErrRawPublicKey)
		}
		if _, _, key := PrivateKey(data); key == nil {
			return nil, "", fmt.Errorf("%w: this is a private key, a certificate is wanted", ErrInvalid)
		}
		return nil, "", fmt.Errorf("%w: %d bytes that are no certificate in PEM or DER: %w", ErrFormat, len(data), err)
	}
	found = "certificate"
	if len(chain) > 1 {
		found = fmt.Sprintf("chain of %d certificates", len(chain))
	}
	return chain, fmt.Sprintf("%s from %s: %s", found, form, describe(chain[0])), nil
}

// certificateDER takes the certificates out of PEM; anything else is DER
// already.
func certificateDER(data []byte) (der []byte, form string, err error) {
	if !isPEM(data) {
		return data, "DER", nil
	}
	var others []string
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		switch data = rest; block.Type {
		case pemCertificate:
			der = append(der, block.Bytes...)
		case pemPublicKey:
			return nil, "", fmt.Errorf("%w: %w", ErrInvalid, ErrRawPublicKey)
		default:
			others = append(others, block.Type)
		}
	}
	switch {
	case len(der) > 0:
		return der, "PEM", nil
	case len(others) > 0:
		return nil, "", fmt.Errorf("%w: the PEM text holds %s and no CERTIFICATE", ErrInvalid, strings.Join(others, ", "))
	}
	return nil, "", fmt.Errorf("%w: the PEM text is damaged: no block can be read", ErrFormat)
}

// describe names a certificate for people: subject, names and validity.
func describe(c *x509.Certificate) string {
	text := c.Subject.String()
	if text == "" {
		text = "without a subject"
	}
	if names := namesOf(c); len(names) > 0 {
		text += " for " + strings.Join(names, ", ")
	}
	return text + ", valid until " + c.NotAfter.UTC().Format("2006-01-02")
}

// namesOf are the host names and addresses that a certificate is for.
func namesOf(c *x509.Certificate) []string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// PrivateKey reads a private key: PKCS#8 (RFC 5958), SEC 1 or PKCS#1, in PEM or
// DER. Certificates beside it in PEM are passed over. Keys that are encrypted are
// refused: the device would need the password.
func PrivateKey(data []byte) (key crypto.Signer, found string, err error) {
	if !isPEM(data) {
		key, form, err := parseKey(data)
		return key, form + " in DER", err
	}
	var others []string
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		data = rest
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return nil, "", fmt.Errorf("%w: the private key is encrypted; decrypt it with: openssl pkey -in FILE", ErrInvalid)
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			key, form, err := parseKey(block.Bytes)
			return key, form + " in PEM", err
		}
		others = append(others, block.Type)
	}
	if len(others) > 0 {
		return nil, "", fmt.Errorf("%w: the PEM text holds %s and no PRIVATE KEY", ErrInvalid, strings.Join(others, ", "))
	}
	return nil, "", fmt.Errorf("%w: the PEM text is damaged: no block can be read", ErrFormat)
}

func parseKey(der []byte) (crypto.Signer, string, error) {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, ok := k.(crypto.Signer)
		if !ok {
			return nil, "", fmt.Errorf("%w: a %T cannot sign", ErrInvalid, k)
		}
		return signer, keyName(signer) + " from PKCS#8", nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k, keyName(k) + " from SEC 1", nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k, keyName(k) + " from PKCS#1", nil
	}
	if _, err := x509.ParseCertificates(der); err == nil && len(der) > 0 {
		return nil, "", fmt.Errorf("%w: this is a certificate, a private key is wanted", ErrInvalid)
	}
	return nil, "", fmt.Errorf("%w: %d bytes that are no private key in PKCS#8, SEC 1 or PKCS#1", ErrFormat, len(der))
}

func keyName(key crypto.Signer) string {
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		return "ECDSA key on " + k.Curve.Params().Name
	case ed25519.PrivateKey:
		return "Ed25519 key"
	case *rsa.PrivateKey:
		return fmt.Sprintf("RSA key of %d bits", k.N.BitLen())
	}
	return fmt.Sprintf("%T", key)
}

// Pair joins a certificate or chain with its private key, as read by
// Certificates and PrivateKey; both may be the same PEM text. It refuses a key
// that is not the certificate's.
func Pair(certificate, key []byte) (pair tls.Certificate, found string, err error) {
	chain, ofChain, err := Certificates(certificate)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("certificate: %w", err)
	}
	signer, ofKey, err := PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("private key: %w", err)
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(chain[0].PublicKey) {
		return tls.Certificate{}, "", fmt.Errorf("%w: the private key (%s) is not that of the certificate (%s)",
			ErrInvalid, ofKey, describe(chain[0]))
	}
	pair = tls.Certificate{PrivateKey: signer, Leaf: chain[0]}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	return pair, ofChain + "; " + ofKey, nil
}
