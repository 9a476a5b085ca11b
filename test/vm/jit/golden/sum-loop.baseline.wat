(func $main (;1;) (type 0) (param i32 i32) (result i64)
  (local $frame i32) (local $r1 i64) (local $r10 i64) (local $address i32) (local $r3 i64) (local $r4 i64) (local $r5 i64) (local $r0 i64)
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
  local.get $frame
  i64.const 0
  i64.store offset=504
  i32.const 0
  i64.extend_i32_u
  local.set $r3
  loop $1
    local.get $r1
    i32.wrap_i64
    i64.load8_u
    local.set $r4
    local.get $frame
    i64.load offset=504
    local.set $r5
    local.get $r5
    local.get $r4
    i64.add
    local.set $r5
    local.get $frame
    local.get $r5
    i64.store offset=504
    local.get $r1
    i64.const 1
    i64.add
    local.set $r1
    local.get $r3
    i32.wrap_i64
    i32.const 1
    i32.add
    i64.extend_i32_u
    local.set $r3
    local.get $r3
    i32.wrap_i64
    i32.const 20
    i32.lt_u
    br_if $1
    local.get $frame
    i64.load offset=504
    local.set $r0
    local.get $r0
    return
  end
  unreachable
)
