-- Sleeps once for a random time and says how many milliseconds it woke too late.
local time = require("time")

return function(bench)
    local wanted = math.random(1000, 3000)
    local start = time.now()
    time.sleep(wanted * time.MILLISECOND)
    process.send(bench, "late", time.now():sub(start):nanoseconds() / 1e6 - wanted)
end
