package driver

var Unified = unified
