(func $main (;1;) (type 0) (param i32 i32) (result i64)
  (local $frame i32) (local $l0 i64) (local $dividendi64 i64) (local $divisori64 i64)
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
  local.set $l0
  local.get $l0
  i64.const 0
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
  local.get $l0
  i64.const -1
  i64.rem_s
  i64.add
  return
  unreachable
)
