package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/lwm2m-go/lwm2m/server"
)

// credentialsOf are those of the command testserver; nil if it is to speak without security.
func credentialsOf(psk, folder string) (*server.Credentials, error) {
	switch {
	case psk != "":
		return &server.Credentials{PSK: server.Keys(map[string][]byte{"thermo-1": []byte(psk)})}, nil
	case folder != "":
		return certificatesIn(folder)
	}
	return nil, nil
}

// certificatesIn makes ca.pem, device.pem and device-key.pem, and gives the server's credentials.
func certificatesIn(folder string) (*server.Credentials, error) {
	ca, err := issue(&x509.Certificate{Subject: pkix.Name{CommonName: "Test Authority"}, IsCA: true, BasicConstraintsValid: true}, nil)
	if err != nil {
		return nil, err
	}
	own, err := issue(&x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, ca)
	if err != nil {
		return nil, err
	}
	device, err := issue(&x509.Certificate{Subject: pkix.Name{CommonName: "thermo-1"}}, ca)
	if err != nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(device.PrivateKey)
	if err != nil {
		return nil, err
	}
	for name, block := range map[string]*pem.Block{
		"ca.pem":         {Type: "CERTIFICATE", Bytes: ca.Certificate[0]},
		"device.pem":     {Type: "CERTIFICATE", Bytes: device.Certificate[0]},
		"device-key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.Leaf)
	return &server.Credentials{Certificate: *own, ClientCAs: pool}, nil
}

// issue makes a certificate of an authority, or its own.
func issue(c *x509.Certificate, by *tls.Certificate) (*tls.Certificate, error) {
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if by == nil {
		by = &tls.Certificate{Leaf: c, PrivateKey: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.Leaf, &key.PublicKey, by.PrivateKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}
