r0 = 42
r12 += 1
goto nowhere
exit
