(func $main (;1;) (type 0) (param i32 i32) (result i64)
  (local $frame i32) (local $r1 i64) (local $r10 i64) (local $r0 i64) (local $r2 i64) (local $r3 i64)
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
  local.get $r1
  local.set $r0
  local.get $r2
  i64.const 1
  i64.add
  i64.const 1
  i64.le_u
  if $1 (result i64)
    local.get $r0
    local.get $r2
    i64.mul
  else
    local.get $r0
    local.get $r2
    i64.div_s
  end
  local.set $r0
  local.get $r1
  local.set $r3
  local.get $r3
  i64.const -1
  i64.rem_s
  local.set $r3
  local.get $r0
  local.get $r3
  i64.add
  local.set $r0
  local.get $r0
  return
  unreachable
)
