-- One point of the star: dies with the hub, or ends when it hears of its end.
local ends = {
    links = function(hub)
        process.link(hub)
        return process.inbox()
    end,
    monitors = function(hub)
        process.monitor(hub)
        return process.events()
    end,
}

return function(kind, hub, bench)
    local channel = ends[kind](hub)
    process.send(bench, "up")
    channel:receive()
end
