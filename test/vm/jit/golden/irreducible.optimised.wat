(func $main (;1;) (type 0) (param i32 i32) (result i64)
  (local $frame i32) (local $l0 i64) (local $l1 i64) (local $next i32)
  local.get 1
  i32.const 512
  i32.sub
  local.set $frame
  loop $1
    block $2
      block $3
        block $4
          block $5
            block $6
              block $7
                local.get $next
                br_table $7 $3 $6 $5 $4 $3
              end
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
              local.get 0
              i32.eqz
              if $8
                i64.const 0
                local.get $l0
                local.set $l1
                local.set $l0
                i32.const 2
                local.set $next
                br $1
              end
              i64.const 0
              local.get $l0
              local.set $l1
              local.set $l0
              i32.const 1
              local.set $next
              br $1
            end
            local.get $l0
            i64.const 2
            i64.add
            local.set $l0
            local.get $l1
            i64.const -1
            i64.add
            local.set $l1
            i64.const 0
            local.get $l1
            i64.lt_s
            if $9
              i32.const 1
              local.set $next
              br $1
            end
            i32.const 3
            local.set $next
            br $1
          end
          local.get $l1
          i64.const -9
          i64.lt_s
          if $10
            i32.const 2
            local.set $next
            br $1
          end
          i32.const 4
          local.set $next
          br $1
        end
        local.get $l0
        return
      end
      local.get $l0
      i64.const 1
      i64.add
      local.set $l0
      i32.const 2
      local.set $next
      br $1
    end
  end
  unreachable
)
