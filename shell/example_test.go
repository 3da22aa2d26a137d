package shell_test

import (
	"context"
	"fmt"
	"os"

	"github.com/lwm2m-go/lwm2m/shell"
)

func Example() {
	device, err := shell.NewDevice(shell.DeviceConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer device.Close(context.Background())
	sh := shell.New(shell.Config{Device: device, Out: os.Stdout})
	err = sh.Run(context.Background(), "read /device/0/manufacturer -s; create 3303/0; write 3303/0/5700 21.5; ls 3303; read 3303/1/5700")
	fmt.Println("the last command that failed:", err)
	// Output:
	// lwm2m-go
	// 3303/0/5601 : 21.500000
	// 3303/0/5602 : 21.500000
	// 3303/0/5700 : 21.500000
	// 3303/0/5701 : Cel
	// can't do read operation, request failed (err -2): 4.04 Not Found: /3303/1/5700: no such Object Instance
	// the last command that failed: can't do read operation, request failed (err -2): 4.04 Not Found: /3303/1/5700: no such Object Instance
}
