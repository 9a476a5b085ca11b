(func $lookup (;4;) (type 0) (param i32 i32 i32) (result i32)
  (local $header i32) (local $result i32) (local $key0 i64) (local $hash i32) (local $index i32) (local $bucket i32) (local $element i32) (local $link i32) (local $hash_state i64) (local $version_seen i32)
  local.get 0
  i32.const 192
  i32.sub
  local.set $header
  local.get 1
  i64.load align=1
  local.set $key0
  local.get $header
  i64.load offset=8
  local.set $hash_state
  local.get $hash_state
  local.get $key0
  i64.xor
  i64.const 0xbf58476d1ce4e5b9
  i64.mul
  local.tee $hash_state
  local.get $hash_state
  i64.const 32
  i64.shr_u
  i64.xor
  local.set $hash_state
  local.get $hash_state
  i64.const 0x94d049bb133111eb
  i64.mul
  i64.const 32
  i64.shr_u
  i32.wrap_i64
  local.tee $hash
  local.get $header
  i32.load offset=4
  i32.and
  local.tee $index
  i32.const 3
  i32.shl
  local.get $header
  i32.load
  i32.add
  local.set $bucket
  loop $1
    local.get $bucket
    i32.atomic.load offset=4
    local.set $version_seen
    block $2
      local.get $bucket
      local.tee $link
      i32.atomic.load
      local.tee $element
      i32.eqz
      br_if $2
      loop $3
        block $4
          local.get $element
          i64.load offset=8 align=1
          local.get $key0
          i64.ne
          br_if $4
          br $2
        end
        local.get $element
        local.tee $link
        i32.atomic.load
        local.tee $element
        br_if $3
      end
    end
    local.get $element
    i32.eqz
    if $5
      local.get $bucket
      i32.atomic.load offset=4
      local.get $version_seen
      i32.xor
      i32.const 4
      i32.ge_u
      br_if $1
    end
  end
  local.get $element
  local.tee $result
  if $6
    local.get $element
    i32.const 16
    i32.add
    local.set $result
  end
  local.get $result
)
