package main

import (
	"github.com/lwm2m-go/lwm2m/cmd/lwm2m/internal/devicefile"
	"github.com/spf13/cobra"
)

func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the form of device files, as a JSON Schema for editors",
		Long: `Prints a JSON Schema of the files that lwm2m client -f and lwm2m shell -f take. An
editor that knows it completes keys and marks mistakes. With the YAML extension of
many editors the first line of a device file says where it is:

  # yaml-language-server: $schema=device.schema.json`,
		Example: `  lwm2m schema > device.schema.json`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(devicefile.Schema())
			return err
		},
	}
}
