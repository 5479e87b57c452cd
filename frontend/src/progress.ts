// The page of a contribution: how far it is; when more than numbers changed, the page anew.
import { find } from "./dom";
import { follow } from "./following";

follow(find("#progress"), () => location.reload());
