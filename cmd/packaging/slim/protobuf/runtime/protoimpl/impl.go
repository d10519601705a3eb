// Package protoimpl stands in for the one of the same path: enough for generated
// code of the actor library to compile and for its messages to be plain structs,
// which is how they are used between actors of one process. Nothing is encoded:
// not for actors of several processes.
package protoimpl

import (
	"fmt"
	"strconv"
	"unsafe"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// What generated code checks before it is compiled.
const (
	UnsafeEnabled = false
	MinVersion    = 20
	MaxVersion    = 20
)

// Fields of every generated message.
type (
	// MessageState is empty.
	MessageState struct{}
	// SizeCache is never read.
	SizeCache = int32
	// UnknownFields is always nil.
	UnknownFields = []byte
)

// What generated code makes when the program starts.
type (
	// EnforceVersion has a constant of its type that would not compile if negative.
	EnforceVersion uint
	// Pointer is to a message.
	Pointer = unsafe.Pointer
	// EnumInfo describes nothing.
	EnumInfo struct{}
	// MessageInfo describes nothing.
	MessageInfo struct {
		Exporter func(message any, field int) any
	}
	// DescBuilder is what a file has.
	DescBuilder struct {
		GoPackagePath string
		RawDescriptor []byte
		NumEnums      int32
		NumMessages   int32
		NumExtensions int32
		NumServices   int32
	}
	// TypeBuilder is what would be registered.
	TypeBuilder struct {
		File              DescBuilder
		GoTypes           []any
		DependencyIndexes []int32
		EnumInfos         []EnumInfo
		MessageInfos      []MessageInfo
	}
	// TypeBuilt is what comes of it.
	TypeBuilt struct {
		File protoreflect.FileDescriptor
	}
)

// Build registers nothing.
func (TypeBuilder) Build() TypeBuilt { return TypeBuilt{} }

// Descriptor returns nil.
func (*EnumInfo) Descriptor() protoreflect.EnumDescriptor { return nil }

// MessageOf returns nil.
func (*MessageInfo) MessageOf(any) protoreflect.Message { return nil }

// LoadMessageInfo returns nil.
func (*MessageState) LoadMessageInfo() *MessageInfo { return nil }

// StoreMessageInfo does nothing.
func (*MessageState) StoreMessageInfo(*MessageInfo) {}

// Export has what generated code calls.
type Export struct{}

// X is the one that it calls.
var X Export

// CompressGZIP returns what it is given.
func (Export) CompressGZIP(b []byte) []byte { return b }

// MessageStateOf returns an empty state.
func (Export) MessageStateOf(Pointer) *MessageState { return &MessageState{} }

// MessageStringOf tells the name of an actor, for logs, and the type of all else.
func (Export) MessageStringOf(m any) string {
	if a, ok := m.(interface {
		GetAddress() string
		GetId() string
	}); ok {
		return fmt.Sprintf("Address:%q Id:%q", a.GetAddress(), a.GetId())
	}
	return fmt.Sprintf("%T", m)
}

// EnumStringOf is the number.
func (Export) EnumStringOf(_ protoreflect.EnumDescriptor, n protoreflect.EnumNumber) string {
	return strconv.Itoa(int(n))
}
