(func $main (;1;) (type 0) (param i32 i32) (result i64)
  (local $frame i32) (local $r1 i64) (local $r10 i64) (local $address i32) (local $r2 i64) (local $r3 i64) (local $r0 i64)
  local.get 1
  i32.const 512
  i32.sub
  local.set $frame
  local.get 0
  i64.extend_i32_u
  i64.const 0xffff800000000000
  i64.or
  i64.const 0
  local.get 0
  select
  local.set $r1
  local.get 1
  i64.extend_i32_u
  i64.const 0xffff800000000000
  i64.or
  local.set $r10
  block $1
    local.get $r1
    i32.wrap_i64
    i64.load8_u offset=12
    local.set $r2
    local.get $r2
    i64.const 8
    i64.shl
    local.set $r2
    local.get $r1
    i32.wrap_i64
    i64.load8_u offset=13
    local.set $r3
    local.get $r2
    local.get $r3
    i64.or
    local.set $r2
    i64.const 0
    local.set $r0
    local.get $r2
    i64.const 2048
    i64.ne
    br_if $1
    local.get $r1
    i32.wrap_i64
    i64.load8_u offset=23
    local.set $r0
    br $1
  end
  local.get $r0
  return
  unreachable
)
