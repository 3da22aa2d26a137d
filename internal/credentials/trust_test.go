package credentials

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"strings"
	"testing"
)

func TestUsageNumbers(t *testing.T) {
	for number, want := range []Usage{CAConstraint, ServiceConstraint, TrustAnchor, DomainIssued} {
		got, err := UsageOf(uint64(number))
		if err != nil || got != want || got.Number() != uint64(number) {
			t.Errorf("UsageOf(%d) is %v, %v", number, got, err)
		}
	}
	if _, err := UsageOf(4); !errors.Is(err, ErrInvalid) {
		t.Errorf("UsageOf(4): %v", err)
	}
	if (Usage(0)) != DomainIssued {
		t.Error("the default is not the standard's")
	}
}

func TestTrustCheck(t *testing.T) {
	leaf := makeCertificate(t, nil, func(*x509.Certificate) {})
	for name, c := range map[string]struct {
		trust Trust
		err   error
	}{
		"zero":         {Trust{}, nil},
		"certificate":  {Trust{Reference: leaf.c.Raw}, nil},
		"PEM":          {Trust{Reference: block("CERTIFICATE", leaf.c.Raw)}, nil},
		"noise":        {Trust{Reference: []byte{1}}, ErrFormat},
		"digest":       {Trust{Reference: make([]byte, 48), Matching: SHA384}, nil},
		"short digest": {Trust{Reference: make([]byte, 48), Matching: SHA512}, ErrInvalid},
		"matching 4":   {Trust{Reference: make([]byte, 48), Matching: 4}, ErrInvalid},
	} {
		if err := c.trust.Check(); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyName(t *testing.T) {
	dns := makeCertificate(t, nil, func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{"a.example", "*.b.example"}, []net.IP{net.IPv4(192, 0, 2, 1), net.ParseIP("2001:db8::1")}
		c.Subject = pkix.Name{CommonName: "c.example"}
	})
	common := makeCertificate(t, nil, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "c.example"} })
	nameless := makeCertificate(t, nil, func(c *x509.Certificate) { c.Subject = pkix.Name{} })
	for _, c := range []struct {
		of   *made
		host string
		ok   bool
	}{
		{dns, "a.example", true}, {dns, "A.EXAMPLE", true}, {dns, "x.b.example", true}, {dns, "x.y.b.example", false},
		{dns, "192.0.2.1", true}, {dns, "2001:db8::1", true}, {dns, "192.0.2.2", false}, {dns, "c.example", false}, {dns, "", true},
		{common, "c.example", true}, {common, "C.Example", true}, {common, "a.example", false}, {common, "192.0.2.1", false},
		{nameless, "a.example", false}, {nameless, "", true},
	} {
		trust := Trust{Reference: c.of.c.Raw}
		err := trust.Verify([][]byte{c.of.c.Raw}, c.host, now, false)
		if (err == nil) != c.ok {
			t.Errorf("%v for %q: %v", c.of.c.Subject, c.host, err)
		}
		var refused *CertificateError
		if err != nil && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.host)) {
			t.Errorf("%v for %q: %v", c.of.c.Subject, c.host, err)
		}
		trust.AnyName = true
		if err := trust.Verify([][]byte{c.of.c.Raw}, c.host, now, false); err != nil {
			t.Errorf("for any name: %v", err)
		}
	}
}

func TestVerifyChain(t *testing.T) {
	ca := makeCertificate(t, nil, asAuthority)
	middle := makeCertificate(t, ca, func(c *x509.Certificate) { asAuthority(c); c.Subject.CommonName = "intermediate" })
	leaf := makeCertificate(t, middle, func(c *x509.Certificate) { c.DNSNames = []string{"a.example"} })
	chain := [][]byte{leaf.c.Raw, middle.c.Raw}
	roots := x509.NewCertPool()
	roots.AddCert(ca.c)
	digest := sha256.Sum256(middle.c.Raw)
	for name, c := range map[string]struct {
		trust Trust
		chain [][]byte
		alert uint8
	}{
		"roots":                       {Trust{Roots: roots}, chain, 0},
		"without the intermediate":    {Trust{Roots: roots}, chain[:1], 48},
		"nothing":                     {Trust{Roots: roots}, nil, 42},
		"noise":                       {Trust{Roots: roots}, [][]byte{{1, 2}}, 42},
		"constraint to intermediate":  {Trust{Roots: roots, Usage: CAConstraint, Reference: middle.c.Raw}, chain, 0},
		"constraint by digest":        {Trust{Roots: roots, Usage: CAConstraint, Reference: digest[:], Matching: SHA256}, chain, 0},
		"anchor is the intermediate":  {Trust{Usage: TrustAnchor, Reference: middle.c.Raw}, chain, 0},
		"anchor by digest":            {Trust{Usage: TrustAnchor, Reference: digest[:], Matching: SHA256}, chain, 0},
		"anchor by digest, not sent":  {Trust{Usage: TrustAnchor, Reference: digest[:], Matching: SHA256}, chain[:1], 48},
		"anchor is the server itself": {Trust{Usage: TrustAnchor, Reference: leaf.c.Raw}, chain, 0},
		"system roots":                {Trust{}, chain, 48},
	} {
		err := c.trust.Verify(c.chain, "a.example", now, false)
		var refused *CertificateError
		switch {
		case c.alert == 0 && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.alert != 0 && (!errors.As(err, &refused) || refused.Alert != c.alert):
			t.Errorf("%s: %v, want alert %d", name, err, c.alert)
		}
	}
	late := now.AddDate(2, 0, 0)
	var refused *CertificateError
	for _, trust := range []Trust{{Roots: roots}, {Roots: roots, Usage: ServiceConstraint, Reference: leaf.c.Raw}, {Usage: TrustAnchor, Reference: ca.c.Raw}} {
		if err := trust.Verify(chain, "a.example", late, false); !errors.As(err, &refused) || refused.Alert != 45 || !strings.Contains(err.Error(), "2032-06-01") {
			t.Errorf("usage %v after the end: %v", trust.Usage, err)
		}
	}
	pinned := Trust{Reference: leaf.c.Raw}
	if err := pinned.Verify(chain, "a.example", late, false); err != nil {
		t.Errorf("a domain-issued certificate is not looked at further: %v", err)
	}
}
