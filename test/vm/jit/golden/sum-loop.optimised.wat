(func $main (;1;) (type 0) (param i64 i64 i64 i64 i64 i32) (result i64)
  (local $frame i32) (local $v31 i64) (local $v32 i32) (local $v12 i64) (local $v20 i64) (local $v26 i32)
  local.get 5
  i32.const 512
  i32.sub
  local.set $frame
  local.get 0
  i32.const 0
  i64.const 0
  local.set $v31
  local.set $v32
  local.set $v12
  loop $1
    local.get $v31
    local.get $v12
    i32.wrap_i64
    i32.load8_u
    i64.extend_i32_u
    i64.add
    local.set $v20
    local.get $v32
    i32.const 1
    i32.add
    local.set $v26
    local.get $v26
    i32.const 20
    i32.lt_u
    if $2
      local.get $v12
      i64.const 1
      i64.add
      local.get $v26
      local.get $v20
      local.set $v31
      local.set $v32
      local.set $v12
      br $1
    else
      local.get $v20
      return
    end
  end
  unreachable
)
