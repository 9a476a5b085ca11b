(func $main (;1;) (type 0) (param i32 i32) (result i64)
  (local $frame i32) (local $v30 i64) (local $v31 i32) (local $v11 i64) (local $v19 i64) (local $v25 i32)
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
  local.set $v30
  local.set $v31
  local.set $v11
  loop $1
    local.get $v30
    local.get $v11
    i32.wrap_i64
    i32.load8_u
    i64.extend_i32_u
    i64.add
    local.set $v19
    local.get $v31
    i32.const 1
    i32.add
    local.set $v25
    local.get $v25
    i32.const 20
    i32.lt_u
    if $2
      local.get $v11
      i64.const 1
      i64.add
      local.get $v25
      local.get $v19
      local.set $v30
      local.set $v31
      local.set $v11
      br $1
    else
      local.get $v19
      return
    end
  end
  unreachable
)
