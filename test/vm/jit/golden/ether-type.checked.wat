(func $main (;2;) (type 0) (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i32 i32) (result i64)
  (local $frame i32) (local $r10 i64) (local $stack_base i64) (local $stack_length i64) (local $budget i64) (local $executed i64) (local $address i32) (local $ea i64) (local $readable_base i64) (local $readable_length i64)
  local.get 10
  i32.const 512
  i32.sub
  local.set $frame
  local.get 10
  i64.extend_i32_u
  i64.const 0xffff800000000000
  i64.or
  local.set $r10
  local.get $frame
  i32.const 0
  i32.const 512
  memory.fill
  local.get $r10
  i64.const 512
  i64.sub
  local.set $stack_base
  i64.const 0xffff800000030000
  local.get $stack_base
  i64.sub
  local.set $stack_length
  i32.const 0
  i64.load offset=65600
  local.set $budget
  i32.const 0
  i64.load offset=65592
  local.set $executed
  block $1
    local.get $executed
    i64.const 6
    i64.add
    local.tee $executed
    local.get $budget
    i64.gt_s
    if $2
      i32.const 0
      i32.const 4
      i32.store offset=65536
      local.get $executed
      i64.const 5
      i64.sub
      local.set $executed
      i32.const 0
      local.get $executed
      i64.store offset=65592
      i32.const 0
      call $note_fault
      i64.const 0
      return
    end
    local.get 1
    i64.const 12
    i64.add
    local.tee $ea
    i32.wrap_i64
    local.set $address
    block $3
      local.get $ea
      local.get $readable_base
      i64.sub
      local.get $readable_length
      i64.lt_u
      br_if $3
      local.get $ea
      local.get $stack_base
      i64.sub
      local.get $stack_length
      i64.lt_u
      br_if $3
      local.get $ea
      i32.const 1
      i32.const 1
      call $locate
      i32.eqz
      if $4
        local.get $executed
        i64.const 5
        i64.sub
        local.set $executed
        i32.const 0
        local.get $executed
        i64.store offset=65592
        i32.const 0
        call $note_fault
        i64.const 0
        return
      end
      i32.const 0
      i64.load offset=65608
      local.set $readable_base
      i32.const 0
      i64.load offset=65616
      local.set $readable_length
    end
    local.get $address
    i64.load8_u
    local.set 2
    local.get 2
    i64.const 8
    i64.shl
    local.set 2
    local.get 1
    i64.const 13
    i64.add
    local.tee $ea
    i32.wrap_i64
    local.set $address
    block $5
      local.get $ea
      local.get $readable_base
      i64.sub
      local.get $readable_length
      i64.lt_u
      br_if $5
      local.get $ea
      local.get $stack_base
      i64.sub
      local.get $stack_length
      i64.lt_u
      br_if $5
      local.get $ea
      i32.const 1
      i32.const 1
      call $locate
      i32.eqz
      if $6
        local.get $executed
        i64.const 3
        i64.sub
        local.set $executed
        i32.const 0
        local.get $executed
        i64.store offset=65592
        i32.const 2
        call $note_fault
        i64.const 0
        return
      end
      i32.const 0
      i64.load offset=65608
      local.set $readable_base
      i32.const 0
      i64.load offset=65616
      local.set $readable_length
    end
    local.get $address
    i64.load8_u
    local.set 3
    local.get 2
    local.get 3
    i64.or
    local.set 2
    i64.const 0
    local.set 0
    local.get 2
    i64.const 2048
    i64.ne
    br_if $1
    local.get $executed
    i64.const 1
    i64.add
    local.tee $executed
    local.get $budget
    i64.gt_s
    if $7
      i32.const 0
      i32.const 4
      i32.store offset=65536
      i32.const 0
      local.get $executed
      i64.store offset=65592
      i32.const 6
      call $note_fault
      i64.const 0
      return
    end
    local.get 1
    i64.const 23
    i64.add
    local.tee $ea
    i32.wrap_i64
    local.set $address
    block $8
      local.get $ea
      local.get $readable_base
      i64.sub
      local.get $readable_length
      i64.lt_u
      br_if $8
      local.get $ea
      local.get $stack_base
      i64.sub
      local.get $stack_length
      i64.lt_u
      br_if $8
      local.get $ea
      i32.const 1
      i32.const 1
      call $locate
      i32.eqz
      if $9
        i32.const 0
        local.get $executed
        i64.store offset=65592
        i32.const 6
        call $note_fault
        i64.const 0
        return
      end
      i32.const 0
      i64.load offset=65608
      local.set $readable_base
      i32.const 0
      i64.load offset=65616
      local.set $readable_length
    end
    local.get $address
    i64.load8_u
    local.set 0
    br $1
  end
  local.get $executed
  i64.const 1
  i64.add
  local.tee $executed
  local.get $budget
  i64.gt_s
  if $10
    i32.const 0
    i32.const 4
    i32.store offset=65536
    i32.const 0
    local.get $executed
    i64.store offset=65592
    i32.const 7
    call $note_fault
    i64.const 0
    return
  end
  i32.const 0
  local.get $executed
  i64.store offset=65592
  local.get 0
  return
  unreachable
)
