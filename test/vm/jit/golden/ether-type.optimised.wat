(func $main (;1;) (type 0) (param i32 i32) (result i64)
  (local $frame i32) (local $i0 i32) (local $swapped i32)
  local.get 1
  i32.const 512
  i32.sub
  local.set $frame
  block $1
    local.get 0
    i32.load16_u offset=12
    local.set $swapped
    local.get $swapped
    i32.const 8
    i32.shr_u
    i32.const 255
    i32.and
    local.get $swapped
    i32.const 8
    i32.shl
    i32.const 65280
    i32.and
    i32.or
    i32.const 2048
    i32.ne
    if $2
      i32.const 0
      local.set $i0
      br $1
    else
      local.get 0
      i32.load8_u offset=23
      local.set $i0
      br $1
    end
  end
  local.get $i0
  i64.extend_i32_u
  return
  unreachable
)
