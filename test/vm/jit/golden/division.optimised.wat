(func $main (;1;) (type 0) (param i64 i64 i64 i64 i64 i32) (result i64)
  (local $frame i32) (local $dividendi64 i64) (local $divisori64 i64)
  local.get 5
  i32.const 512
  i32.sub
  local.set $frame
  local.get 0
  local.get 1
  local.set $divisori64
  local.set $dividendi64
  local.get $divisori64
  i64.const 1
  i64.add
  i64.const 1
  i64.le_u
  if $1 (result i64)
    local.get $dividendi64
    local.get $divisori64
    i64.mul
  else
    local.get $dividendi64
    local.get $divisori64
    i64.div_s
  end
  local.get 0
  i64.const -1
  i64.rem_s
  i64.add
  return
  unreachable
)
