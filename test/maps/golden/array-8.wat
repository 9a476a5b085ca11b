(module ;; "map"
  (type (;0;) (func (param i32 i32 i32) (result i32)))
  (type (;1;) (func (param i32 i32 i32 i32 i32) (result i32)))
  (type (;2;) (func (param i32 i32) (result i32)))
  (import "mem" "memory" (memory (;0;) 2 65536 shared))
  (export "lookup" (func $lookup))
  (export "update" (func $update))
  (export "delete" (func $delete))
  (export "nextKey" (func $nextKey))
  (func $lookup (;0;) (type 0) (param i32 i32 i32) (result i32)
    (local $header i32) (local $index i32) (local $result i32)
    local.get 0
    i32.const 192
    i32.sub
    local.set $header
    local.get 1
    i32.load align=1
    local.set $index
    i32.const 0
    local.set $result
    local.get $index
    local.get $header
    i32.load offset=16
    i32.lt_u
    if $1
      local.get $index
      i32.const 3
      i32.shl
      local.get $header
      i32.load offset=20
      i32.add
      local.set $result
    end
    local.get $result
  )
  (func $update (;1;) (type 1) (param i32 i32 i32 i32 i32) (result i32)
    (local $header i32) (local $index i32) (local $to i32)
    local.get 0
    i32.const 192
    i32.sub
    local.set $header
    local.get 3
    i32.const -5
    i32.and
    i32.const 2
    i32.gt_u
    if $1
      i32.const -22
      return
    end
    local.get 1
    i32.load align=1
    local.tee $index
    local.get $header
    i32.load offset=16
    i32.ge_u
    if $2
      i32.const -7
      return
    end
    local.get 3
    i32.const 1
    i32.and
    if $3
      i32.const -17
      return
    end
    local.get 3
    i32.const 4
    i32.and
    if $4
      i32.const -22
      return
    end
    local.get $index
    i32.const 3
    i32.shl
    local.get $header
    i32.load offset=20
    i32.add
    local.set $to
    local.get $to
    local.get 2
    i64.load align=1
    i64.store align=1
    i32.const 0
  )
  (func $delete (;2;) (type 2) (param i32 i32) (result i32)
    (local $header i32)
    local.get 0
    i32.const 192
    i32.sub
    local.set $header
    i32.const -22
  )
  (func $nextKey (;3;) (type 0) (param i32 i32 i32) (result i32)
    (local $header i32) (local $index i32)
    local.get 0
    i32.const 192
    i32.sub
    local.set $header
    i32.const -1
    local.set $index
    local.get 1
    if $1
      local.get 1
      i32.load align=1
      local.set $index
    end
    local.get $index
    local.get $header
    i32.load offset=16
    i32.ge_u
    if $2
      local.get 2
      i32.const 0
      i32.store align=1
      i32.const 0
      return
    end
    local.get $index
    i32.const 1
    i32.add
    local.tee $index
    local.get $header
    i32.load offset=16
    i32.eq
    if $3
      i32.const -2
      return
    end
    local.get 2
    local.get $index
    i32.store align=1
    i32.const 0
  )
)
