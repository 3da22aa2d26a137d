package lwm2m

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lwm2m-go/lwm2m/internal/format"
	"github.com/lwm2m-go/lwm2m/internal/tree"
)

// applyFactoryData puts Config.FactoryData in force, as a Bootstrap-Pack that has been received (Core 1.1.1 §6.1.2.1).
func (c *Client) applyFactoryData(data []byte) error {
	err := c.loadFactoryData(data)
	if err != nil {
		return fmt.Errorf("lwm2m: Config.FactoryData: %w", err)
	}
	return nil
}

func (c *Client) loadFactoryData(data []byte) error {
	f, err := packFormat(data)
	if err != nil {
		return err
	}
	c.mu.Lock()
	d := c.newDraft()
	// The file may be of a newer version than the client speaks.
	nodes, err := format.Decode(f, Path{}, data, d)
	if err == nil {
		err = d.WritePack(nodes)
	}
	var revision *tree.Revision
	if err == nil {
		revision, err = d.Finish(&c.tree, tree.Terms{Account: c.checkAccount, NoServer: true})
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	j := &judgement{draft: d, revision: revision}
	if c.asksCallbacks(j) {
		if err := c.askCallbacks(context.Background(), j); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.enforce(time.Time{}, j); err != nil {
		return err
	}
	for range c.tree.Instances(objectSecurity) {
		return nil
	}
	return errors.New("there is no account, neither in it nor in Config.Servers")
}

// packFormat tells by the first byte in which of the three formats a Bootstrap-Pack is.
func packFormat(data []byte) (format.ContentFormat, error) {
	for _, b := range data {
		switch {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		case b == '[':
			return format.SenMLJSON, nil
		case b>>5 == 4: // an array
			return format.SenMLCBOR, nil
		case b>>5 == 5: // a map
			return format.LwM2MCBOR, nil
		}
		break
	}
	return 0, errors.New("it is neither SenML JSON nor SenML CBOR nor LwM2M CBOR")
}
