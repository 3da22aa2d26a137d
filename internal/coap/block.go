package coap

// maxSZX is the largest size exponent over UDP: blocks of 1024 bytes. 7 is
// reserved (RFC 7959 §2.2).
const maxSZX = 6

// maxBlockNumber is the largest 20-bit block number.
const maxBlockNumber = 1<<20 - 1

// trustedSize is how much room is made at once because the peer says in Size1
// or Size2 that a body is coming.
const trustedSize = 16 << 10

// Block is the value of a Block1 or Block2 option (RFC 7959 §2.2).
type Block struct {
	Number uint32 // 0 to 2^20-1
	More   bool
	SZX    uint8 // size exponent, 0 to 6; 7 is reserved over UDP
}

// Size returns the block size in bytes: 16 to 1024.
func (b Block) Size() int { return 16 << b.SZX }

// Offset returns where the block starts in the body.
func (b Block) Offset() int64 { return int64(b.Number) << (b.SZX + 4) }

// Uint returns the option's value.
func (b Block) Uint() uint32 {
	v := b.Number<<4 | uint32(b.SZX)
	if b.More {
		v |= 8
	}
	return v
}

// Block returns the value of the option id, Block1 or Block2.
func (o Options) Block(id OptionID) (b Block, ok bool) {
	v, ok := o.Uint(id)
	return Block{Number: v >> 4, More: v&8 != 0, SZX: uint8(v & 7)}, ok
}

// AddBlock inserts a Block1 or Block2 option.
func (o *Options) AddBlock(id OptionID, b Block) { o.AddUint(id, b.Uint()) }

// blockAt returns the block of a body of size bytes that starts at offset.
func blockAt(offset, size int64, szx uint8) Block {
	return Block{Number: uint32(offset >> (szx + 4)), More: offset+16<<szx < size, SZX: szx}
}
