// Package protoreflect stands in for the one of the same path: the names that
// generated code of the actor library mentions. Nothing here describes a message:
// not for anything that sends one.
package protoreflect

// EnumNumber is the number of a value.
type EnumNumber int32

// EnumDescriptor would describe an enumeration.
type EnumDescriptor any

// EnumType would be an enumeration.
type EnumType any

// Message would be a message, seen from outside.
type Message any

// FileDescriptor would describe a file of messages.
type FileDescriptor any
