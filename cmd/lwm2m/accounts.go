package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
)

// accountFlags say which servers the device knows when it is switched on.
type accountFlags struct {
	server      string
	bootstrap   string
	pack        bool
	factoryData string
	lifetime    seconds
	security    securityFlags
}

func (f *accountFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.server, "server", "", "`URI` of the server, coaps://HOST[:PORT] or coap://HOST[:PORT]; the port defaults to 5684 or 5683")
	flags.StringVar(&f.bootstrap, "bootstrap", "", "`URI` of a Bootstrap-Server, which tells the device its servers")
	flags.BoolVar(&f.pack, "bootstrap-pack", false, "ask it for a Bootstrap-Pack first, with --version 1.2")
	flags.StringVar(&f.factoryData, "factory-data", "", "`file` with accounts and other values that the device has from the factory")
	flags.Var(&f.lifetime, "lifetime", "how long a registration is valid, such as 5m, or 86400 for a day in seconds")
	f.security.add(cmd)
}

// check reports flags that are missing, or do not go together.
func (f *accountFlags) check(cmd *cobra.Command) error {
	switch {
	case f.server == "" && f.bootstrap == "" && f.factoryData == "":
		return usagef("--server is missing; say which server, as in --server coaps://lwm2m.example.com, or --bootstrap or --factory-data")
	case f.server != "" && f.bootstrap != "":
		return usagef("--server and --bootstrap exclude each other: the Bootstrap-Server tells which servers there are")
	case f.server != "" && f.factoryData != "":
		return usagef("--server and --factory-data exclude each other: the account of the server is among the factory data")
	case f.bootstrap == "" && f.pack:
		return usagef("--bootstrap-pack needs --bootstrap")
	case f.pack && cmd.Flag("version").Value.String() != "1.2":
		return usagef("--bootstrap-pack needs --version 1.2")
	case f.server == "" && f.bootstrap == "" && (f.security.keyed() || f.security.certified()):
		return usagef("--factory-data: the keys are among them; those on the command line would not be used")
	}
	if f.server == "" && cmd.Flag("lifetime").Changed {
		return usagef("--lifetime goes with --server; otherwise it is part of the account that the device is given")
	}
	return nil
}

// complete fills in what the flags say.
func (f *accountFlags) complete(o *deviceOptions) error {
	if f.factoryData != "" {
		data, err := os.ReadFile(f.factoryData)
		if err != nil {
			return usagef("--factory-data: %v", err)
		}
		o.factoryData = data
	}
	flag := "server"
	if o.server = f.server; f.bootstrap != "" {
		flag, o.server, o.bootstrap, o.pack = "bootstrap", f.bootstrap, true, f.pack
	} else {
		o.lifetime = time.Duration(f.lifetime)
	}
	if o.server == "" {
		return nil
	}
	target, err := parseServer(flag, o.server)
	if err != nil {
		return err
	}
	o.security, o.secured, err = f.security.security(flag, target, o.endpoint)
	return err
}

// beginning says what the device does first.
func (f *accountFlags) beginning() string {
	switch {
	case f.server != "":
		return "Registering with " + f.server
	case f.factoryData != "":
		return "Beginning with the factory data in " + f.factoryData
	}
	return "Asking " + f.bootstrap + " for a bootstrap"
}

// servers says where the device is to register.
func (f *accountFlags) servers() string {
	switch {
	case f.server != "":
		return f.server
	case f.bootstrap != "":
		return "the server that " + f.bootstrap + " tells of"
	}
	return "a server of the factory data"
}
