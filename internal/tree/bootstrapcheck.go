package tree

import (
	"strconv"
	"strings"

	"github.com/lwm2m-go/lwm2m/model"
)

// inconsistent is the answer to a Bootstrap-Finish.
func inconsistent(p model.Path, reason string) error { return fail(model.NotAcceptable, p, reason) }

// check finds what keeps the client from working with the accounts, and links
// that lead nowhere.
func (d *Draft) check(terms Terms) error {
	servers, err := d.checkServers()
	if err != nil {
		return err
	}
	if err := d.checkSecurity(servers, terms.Account); err != nil {
		return err
	}
	if len(servers) == 0 && !terms.NoServer {
		return inconsistent(model.PathOf(objectServer), "there is no account of an LwM2M Server")
	}
	for _, p := range d.changedPaths() {
		if in, ok := d.tree.Instance(p); ok {
			if err := d.checkWritten(in); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkServers checks the instances of the Server Object, and returns them by Short Server ID.
func (d *Draft) checkServers() (map[uint16]*Instance, error) {
	servers := make(map[uint16]*Instance)
	for in := range d.tree.Instances(objectServer) {
		if err := in.checkComplete(); err != nil {
			return nil, err
		}
		ssid := uint16(in.value(serverSSID).Int())
		if other, ok := servers[ssid]; ok {
			return nil, inconsistent(in.Path(), other.Path().String()+" has the same Short Server ID "+decimal(ssid))
		}
		if err := checkBinding(in); err != nil {
			return nil, err
		}
		servers[ssid] = in
	}
	return servers, nil
}

// checkSecurity checks the instances of the Security Object, and that each LwM2M Server has one instance of both Objects.
func (d *Draft) checkSecurity(servers map[uint16]*Instance, account func(*Instance) error) error {
	paired := make(map[uint16]*Instance)
	var bootstrap *Instance
	for in := range d.tree.Instances(objectSecurity) {
		if err := in.checkComplete(); err != nil {
			return err
		}
		if in.isBootstrapAccount() {
			if bootstrap != nil {
				return inconsistent(in.Path(), bootstrap.Path().String()+" is the account of the Bootstrap-Server already")
			}
			bootstrap = in
		} else if err := pair(in, servers, paired); err != nil {
			return err
		}
		if err := account(in); err != nil {
			return &model.Error{Code: model.NotAcceptable, Path: in.Path(), Err: err}
		}
	}
	for in := range d.tree.Instances(objectServer) {
		if ssid := uint16(in.value(serverSSID).Int()); paired[ssid] == nil {
			return inconsistent(in.Path(), "no instance of the Security Object has its Short Server ID "+decimal(ssid))
		}
	}
	return nil
}

// pair finds the instance of the Server Object that goes with an account.
func pair(in *Instance, servers, paired map[uint16]*Instance) error {
	ssid := in.shortServerID()
	switch {
	case ssid == 0:
		return inconsistent(in.Path().Child(securitySSID), "the account of an LwM2M Server needs a Short Server ID")
	case paired[ssid] != nil:
		return inconsistent(in.Path(), paired[ssid].Path().String()+" has the same Short Server ID "+decimal(ssid))
	case servers[ssid] == nil:
		return inconsistent(in.Path(), "no instance of the Server Object has its Short Server ID "+decimal(ssid))
	}
	paired[ssid] = in
	return nil
}

// checkComplete makes sure that all mandatory Resources have values. Which of the keys an account needs, its
// security mode says.
func (in *Instance) checkComplete() error {
	for i := range in.def.Resources {
		r := &in.def.Resources[i]
		if !r.Mandatory || r.Kind == model.None || in.def.ID == objectSecurity && r.ID > securityMode {
			continue
		}
		if c, ok := in.Get(r.ID); !ok || r.Multiple && len(c.items) == 0 {
			return inconsistent(in.Path().Child(r.ID), "the mandatory Resource "+r.Name+" is missing")
		}
	}
	return nil
}

// checkBinding makes sure that a binding is one that the standard knows, of the transports U, M, H, T, S and N, with
// or without the queue mode Q.
func checkBinding(in *Instance) error {
	binding := in.value(serverBinding).Text()
	for i, letter := range binding {
		if !strings.ContainsRune("UMHTSNQ", letter) || strings.ContainsRune(binding[:i], letter) {
			return inconsistent(in.Path().Child(serverBinding), "there is no binding "+strconv.Quote(binding))
		}
	}
	if strings.Trim(binding, "Q") == "" {
		return inconsistent(in.Path().Child(serverBinding), "the binding names no transport")
	}
	return nil
}

// checkWritten checks an instance that the session has written: the mandatory Resources that are the
// servers' to write, the links, and for the Access Control Object what it is about.
func (d *Draft) checkWritten(in *Instance) error {
	for i := range in.def.Resources {
		r := &in.def.Resources[i]
		if _, ok := in.Get(r.ID); r.Mandatory && r.Operations.Has(model.Writable) && !ok {
			return inconsistent(in.Path().Child(r.ID), "the mandatory Resource "+r.Name+" is missing")
		}
	}
	for i := range in.slots {
		if err := d.checkLinks(in, &in.slots[i]); err != nil {
			return err
		}
	}
	if in.def.ID == objectAccessControl {
		return d.checkAccess(in)
	}
	return nil
}

func (d *Draft) checkLinks(in *Instance, s *slot) error {
	if s.def.Kind != model.Objlnk {
		return nil
	}
	c := s.content()
	for _, item := range append([]Item{{Value: c.value}}, c.items...) {
		link := item.Value.Link()
		if item.Value.IsZero() || link == model.NullLink {
			continue
		}
		if _, ok := d.tree.Instance(model.PathOf(link.Object, link.Instance)); !ok {
			return inconsistent(in.Path().Child(s.def.ID), "link to "+link.String()+", which does not exist")
		}
	}
	return nil
}

func decimal(id uint16) string { return strconv.Itoa(int(id)) }
