package lwm2m_test

import (
	"context"
	"testing"

	"github.com/lwm2m-go/lwm2m"
	"github.com/lwm2m-go/lwm2m/model"
	"github.com/lwm2m-go/lwm2m/server"
)

func discovered(path, links string) exchange {
	return exchange{get(path, server.LinkFormat), model.Content, server.LinkFormat, links}
}

func TestDiscover(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		fill(f, f.device)
		f.device.Reboot.OnExecute(func(context.Context, lwm2m.Arguments) error { return nil })
		config.Factories = []lwm2m.Factory{{Object: portfolio()}}
	}
	start(t, configure, func(f *fixture) {
		const resources = `</3/0/0>,</3/0/1>,</3/0/2>,</3/0/3>,</3/0/4>,</3/0/6>;dim=2,</3/0/7>;dim=2,</3/0/8>;dim=2,</3/0/9>,</3/0/10>,` +
			`</3/0/11>;dim=1,</3/0/13>,</3/0/14>,</3/0/16>`
		f.play(
			discovered("/3", `</3>,</3/0>,`+resources),
			discovered("/3/0", `</3/0>,`+resources),
			discovered("/3/0/0", `</3/0/0>`),
			discovered("/3/0/4", `</3/0/4>`),
			discovered("/3/0/7", `</3/0/7>;dim=2,</3/0/7/0>,</3/0/7/1>`),
			discovered("/3303", `</3303>;ver=1.1,</3303/0>,</3303/0/5700>,</3303/0/5701>`),
			discovered("/16", `</16>`),
			exchange{get("/", server.LinkFormat), model.BadRequest, none, "the path names no Object"},
			exchange{get("/0", server.LinkFormat), model.Unauthorized, none, "/0: the Object is closed to servers"},
			exchange{get("/99", server.LinkFormat), model.NotFound, none, "/99: no such Object"},
			exchange{get("/3/1", server.LinkFormat), model.NotFound, none, "/3/1: no such Object Instance"},
			exchange{get("/3/0/15", server.LinkFormat), model.NotFound, none, "/3/0/15: the Resource has no value"},
			exchange{get("/3/0/7/0", server.LinkFormat), model.MethodNotAllowed, none, "/3/0/7/0: not possible on a Resource Instance"},
		)
	})
}

func TestDiscoverVersion10(t *testing.T) {
	configure := func(config *lwm2m.Config, f *fixture) {
		config.Version = lwm2m.Version10
		fill(f, f.device)
	}
	start(t, configure, func(f *fixture) {
		f.play(
			discovered("/3/0/7", `</3/0/7>;dim=2`),
			discovered("/1", `</1>,</1/0>,</1/0/0>,</1/0/1>,</1/0/4>,</1/0/5>,</1/0/6>,</1/0/7>,</1/0/8>`),
		)
	})
}
