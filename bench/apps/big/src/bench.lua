-- Row 11 (Savina's big): 120 processes, each pings random peers n times.
local time = require("time")

local PLAYERS = 120

local function run(n)
    local inbox, players = process.inbox(), {}
    for i = 1, PLAYERS do
        players[i] = process.spawn("app:player", "app:processes", process.pid(), n)
    end
    for _, player in players do
        process.send(player, "peers", players)
    end
    local start = time.now()
    for _, player in players do
        process.send(player, "go")
    end
    for _ = 1, PLAYERS do
        inbox:receive()
    end
    local seconds = time.now():sub(start):seconds()
    for _, player in players do
        process.terminate(player)
    end
    return seconds
end

return function(n)
    n = tonumber(n)
    run(n / 10)
    print("RESULT big", PLAYERS * n * 2 / run(n), "messages/s")
end
