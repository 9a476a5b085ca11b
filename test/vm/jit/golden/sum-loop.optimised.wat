(func $main (;1;) (type 0) (param i32 i32) (result i64)
  (local $frame i32) (local $l0 i64) (local $i0 i32) (local $l1 i64)
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
  i32.eqz
  i32.eqz
  select
  i32.const 0
  i64.const 0
  local.set $l1
  local.set $i0
  local.set $l0
  loop $1
    local.get $l1
    local.get $l0
    i32.wrap_i64
    i32.load8_u
    i64.extend_i32_u
    i64.add
    local.set $l1
    local.get $i0
    i32.const 1
    i32.add
    local.set $i0
    local.get $i0
    i32.const 20
    i32.lt_u
    if $2
      local.get $l0
      i64.const 1
      i64.add
      local.set $l0
      br $1
    else
      local.get $l1
      return
    end
  end
  unreachable
)
