-- One link of the chain: starts the rest of it, linked to itself.
return function(rest, bench)
    if rest > 0 then
        process.spawn_linked("app:link", "app:processes", rest - 1, bench)
    else
        process.send(bench, "tail")
    end
    process.inbox():receive()
end
